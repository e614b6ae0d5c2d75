"""Calls on load balancers and on Cloud Armor that are more than a change of fields."""

from gce.groups import Groups
from gce.healer import HealthCheck
from gce.kinds import Call, Kind, Reference, World, refer
from gce.links import full, link_of, name_of
from gce.resources import Calls, Resources, without_empty
from gce.web import Json, invalid


class Security:
    """By the services' names in the schema."""

    def __init__(
        self, world: World, services: dict[str, Kind], kinds: list[Kind], groups: Groups
    ) -> None:
        self.world = world
        self.groups = groups
        self.backends = Resources(world, services["RegionBackendServices"], kinds)
        self.rules = Resources(world, services["ForwardingRules"], kinds)
        self.policies = Resources(world, services["RegionSecurityPolicies"], kinds)

    def calls(self) -> Calls:
        policies = self.policies.kind.service
        return {
            "RegionBackendServices.GetHealth": self.get_health,
            "RegionBackendServices.SetSecurityPolicy": self.set_security_policy,
            "ForwardingRules.SetTarget": self.set_target,
            f"{policies}.GetRule": self.get_rule,
            f"{policies}.AddRule": lambda call: self.change_rule(call, "addRule"),
            f"{policies}.PatchRule": lambda call: self.change_rule(call, "patchRule"),
            f"{policies}.RemoveRule": lambda call: self.change_rule(call, "removeRule"),
        }

    def get_health(self, call: Call) -> Json:
        """As the backend service's health check sees the members of one of its groups."""
        service = self.world.store.get(call.link)
        group = self.refer(call, call.body.get("group"), "instanceGroups")
        if group not in [backend["group"] for backend in service.get("backends", [])]:
            raise invalid(f"Invalid value for field 'resource.group': '{group}'.")
        check = self.world.store.get(link_of(service["healthChecks"][0]))
        probes = [value for key, value in check.items() if key.endswith("HealthCheck")]
        probe = HealthCheck.of(check)
        found = []
        for managed in self.groups.fleet_of_group(link_of(group)).managed_instances():
            try:
                state = self.world.machines.state(name_of(managed["instance"]))
            except KeyError:
                continue
            found.append(
                {
                    "instance": managed["instance"],
                    "ipAddress": state.address,
                    "port": probes[0].get("port", 80),
                    "healthState": "HEALTHY" if probe.passes(state) else "UNHEALTHY",
                }
            )
        return {"kind": "compute#backendServiceGroupHealth", "healthStatus": found}

    def refer(self, call: Call, value: str | None, collection: str) -> str:
        return full(refer(self.world, call.link, Reference("", (collection,)), value, collection))

    def set_security_policy(self, call: Call) -> Json:
        given = call.body.get("securityPolicy")
        policy = self.refer(call, given, "securityPolicies") if given else None

        def replace(old: Json) -> Json:
            changed: Json = without_empty({**old, "securityPolicy": policy})
            return changed

        return self.backends.change("setSecurityPolicy", call, replace)

    def set_target(self, call: Call) -> Json:
        if call.body.get("target") is None:
            raise invalid("Invalid value for field 'resource.target': ''. It is required.")
        service = self.refer(call, call.body["target"], "backendServices")
        return self.rules.change("SetTarget", call, lambda old: {**old, "backendService": service})

    def get_rule(self, call: Call) -> Json:
        priority = int(call.query.get("priority", 0))
        rules: list[Json] = self.world.store.get(call.link)["rules"]
        for rule in rules:
            if rule["priority"] == priority:
                return rule
        raise invalid(f"Invalid value for field 'priority': '{priority}'.")

    def change_rule(self, call: Call, verb: str) -> Json:
        body = without_empty(call.body)
        priority = int(call.query.get("priority", body.get("priority", 0)))

        def replace(old: Json) -> Json:
            return {**old, "rules": changed_rules(old["rules"], verb, priority, body)}

        return self.policies.change(verb, call, replace, may=("rules",))


def changed_rules(rules: list[Json], verb: str, priority: int, body: Json) -> list[Json]:
    """Refusal: the priority is taken, or not there."""
    found = [rule for rule in rules if rule["priority"] == priority]
    others = [rule for rule in rules if rule["priority"] != priority]
    if bool(found) == (verb == "addRule"):
        raise invalid(f"Invalid value for field 'priority': '{priority}'.")
    if verb == "removeRule":
        return others
    return [*others, {**(found[0] if found else {}), **body}]
