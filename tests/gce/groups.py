"""Managed instance groups and their autoscalers, as REST resources before gce.fleet and gce.autoscaler."""

from typing import Any

from gce import policy
from gce.autoscaler import Autoscaler, Metric
from gce.fleet import Fleet
from gce.kinds import Call, Kind, Reference, World, check_unused
from gce.links import full, link_of, name_of, place_of
from gce.networks import defaults
from gce.resources import Calls, Resources, merge, page, selected
from gce.web import Json, invalid

TEMPLATES = ("instanceTemplates",)
UPDATES: Json = {
    "instanceRedistributionType": "PROACTIVE",
    "minimalAction": "REPLACE",
    "mostDisruptiveAllowedAction": "REPLACE",
    "replacementMethod": "SUBSTITUTE",
    "type": "OPPORTUNISTIC",
}


class Groups:
    """All groups of a double: their fleets and autoscalers, by the resources' links."""

    def __init__(self, world: World, metric: Metric) -> None:
        self.world = world
        self.metric = metric
        self.fleets: dict[str, Fleet] = {}
        self.autoscalers: dict[str, Autoscaler] = {}

    def kinds(self) -> tuple[Kind, Kind, Kind]:
        managers = Kind(
            "RegionInstanceGroupManagers",
            "InstanceGroupManager",
            "instanceGroupManagers",
            "compute#instanceGroupManager",
            ("Get", "List", "Insert", "Patch", "Delete"),
            references=(
                Reference("instanceTemplate", TEMPLATES),
                Reference("versions.instanceTemplate", TEMPLATES),
                Reference("autoHealingPolicies.healthCheck", ("healthChecks",)),
                Reference("distributionPolicy.zones.zone", ("zones",)),
            ),
            fixed=("distributionPolicy",),
            fingerprint=True,
            fill=fill_manager,
            view=self.view_manager,
            created=self.created_manager,
            changed=self.changed_manager,
            deleted=self.deleted_manager,
        )
        scalers = Kind(
            "RegionAutoscalers",
            "Autoscaler",
            "autoscalers",
            "compute#autoscaler",
            ("Get", "List", "Insert", "Patch", "Update", "Delete"),
            references=(Reference("target", ("instanceGroupManagers",)),),
            fixed=("target",),
            fill=fill_autoscaler,
            view=self.view_autoscaler,
            created=self.created_autoscaler,
            changed=self.changed_autoscaler,
            deleted=self.deleted_autoscaler,
        )
        groups = Kind(
            "RegionInstanceGroups",
            "InstanceGroup",
            "instanceGroups",
            "compute#instanceGroup",
            ("Get", "List"),
            view=self.view_group,
        )
        return managers, scalers, groups

    def fleet(self, link: str) -> Fleet:
        """Of a manager. Refusal: there is none."""
        self.world.store.usable(link)
        return self.fleets[link]

    def fleet_of_group(self, link: str) -> Fleet:
        """Of an instance group. Refusal: there is none."""
        self.world.store.get(link)
        return self.fleets[link.replace("/instanceGroups/", "/instanceGroupManagers/")]

    def view_manager(self, _world: World, link: str, manager: Json) -> None:
        fleet = self.fleets[link]
        manager.update(
            targetSize=fleet.target_size,
            status=fleet.status(),
            currentActions=fleet.current_actions(),
        )

    def created_manager(self, world: World, link: str, manager: Json) -> None:
        self.fleets[link] = Fleet(
            world.operations.clock, world.machines, manager, self.resource_at, self.resource_at
        )
        group = link_of(manager["instanceGroup"])
        world.store.put(group, world.store.stamped(group, "compute#instanceGroup", {}))

    def resource_at(self, address: str) -> Json:
        return self.world.store.get(link_of(address))

    def changed_manager(self, _world: World, link: str, manager: Json) -> None:
        self.fleets[link].configure(manager)

    def changed_health_check(self, world: World, _link: str, check: Json) -> None:
        """A fleet reads its health check only when it is told of it."""
        for link, fleet in self.fleets.items():
            manager = world.store.get(link)
            if any(
                p.get("healthCheck") == check["selfLink"]
                for p in manager.get("autoHealingPolicies", [])
            ):
                fleet.configure({**manager, "targetSize": fleet.target_size})

    def deleted_manager(self, world: World, link: str, manager: Json) -> None:
        del self.fleets[link]
        world.store.remove(link_of(manager["instanceGroup"]))

    def view_group(self, world: World, link: str, group: Json) -> None:
        fleet = self.fleet_of_group(link)
        manager = world.store.get(link.replace("/instanceGroups/", "/instanceGroupManagers/"))
        template = self.resource_at(manager["versions"][-1]["instanceTemplate"])
        group.update(size=len(fleet.members()), namedPorts=manager.get("namedPorts", []))
        for field in ("network", "subnetwork"):
            interface = template["properties"]["networkInterfaces"][0]
            if field in interface:
                group[field] = interface[field]

    def view_autoscaler(self, _world: World, link: str, autoscaler: Json) -> None:
        found = self.autoscalers[link]
        autoscaler.update(recommendedSize=found.recommended_size, status="ACTIVE")
        if found.status_details:
            autoscaler["statusDetails"] = found.status_details

    def created_autoscaler(self, world: World, link: str, autoscaler: Json) -> None:
        fleet = self.fleet(link_of(autoscaler["target"]))
        clock = world.operations.clock
        self.autoscalers[link] = Autoscaler(clock, fleet, autoscaler, self.metric)

    def changed_autoscaler(self, _world: World, link: str, autoscaler: Json) -> None:
        self.autoscalers[link].configure(autoscaler)

    def deleted_autoscaler(self, _world: World, link: str, autoscaler: Json) -> None:
        self.autoscalers.pop(link).stop()
        self.fleet(link_of(autoscaler["target"])).autoscaler = None


def fill_manager(world: World, link: str, manager: Json) -> None:
    place = place_of(link)
    if manager.get("targetSize", -1) < 0:
        raise invalid(
            "Invalid value for field 'resource.targetSize': a number from 0 on is wanted."
        )
    if "versions" not in manager and "instanceTemplate" in manager:
        manager["versions"] = [{"instanceTemplate": manager["instanceTemplate"]}]
    spread = manager.setdefault("distributionPolicy", {})
    regions = dict(world.topology.zones())
    region = name_of(place.scope)
    own = [zone for zone, of in regions.items() if of == region]
    links = [{"zone": full(f"projects/{place.project}/zones/{zone}")} for zone in own[:3]]
    defaults(spread, targetShape="EVEN", zones=links)
    if any(regions[name_of(entry["zone"])] != region for entry in spread["zones"]):
        raise invalid(
            "Invalid value for field 'resource.distributionPolicy': another region's zone."
        )
    defaults(
        manager,
        baseInstanceName=manager["name"],
        instanceGroup=full(place.link("instanceGroups", manager["name"])),
        listManagedInstancesResults="PAGELESS",
        targetStoppedSize=0,
        targetSuspendedSize=0,
    )
    lifecycle = manager.setdefault("instanceLifecyclePolicy", {})
    defaults(lifecycle, defaultActionOnFailure="REPAIR", forceUpdateOnRepair="NO")
    defaults(manager.setdefault("standbyPolicy", {}), initialDelaySec=0, mode="MANUAL")
    defaults(manager.setdefault("updatePolicy", {}), **UPDATES)
    problems = policy.check(manager)
    if problems:
        raise invalid(f"Invalid value for field 'resource': {'; '.join(problems)}.")
    calculate(manager)


def calculate(manager: Json) -> None:
    """What the server computes from fixed numbers and shares, and the template of most instances."""
    size = int(manager["targetSize"])
    zones = len(policy.zones_of(manager))
    update = manager["updatePolicy"]
    for field in ("maxSurge", "maxUnavailable"):
        value = update.setdefault(field, {"fixed": zones})
        value["calculated"] = policy.fixed_or_percent(value, size, zones)
    for version in manager["versions"]:
        if "targetSize" in version:
            count = policy.fixed_or_percent(version["targetSize"], size, 0)
            version["targetSize"]["calculated"] = min(count, size)
        else:
            manager["instanceTemplate"] = version["instanceTemplate"]


def fill_autoscaler(world: World, link: str, autoscaler: Json) -> None:
    if "target" not in autoscaler:
        raise invalid("Invalid value for field 'resource.target': ''. It is required.")
    for other_link, other in world.store.collection("autoscalers"):
        if other_link != link and other["target"] == autoscaler["target"]:
            raise invalid(f"The group is already autoscaled by '{other_link}'.")
    rules = autoscaler.setdefault("autoscalingPolicy", {})
    if "maxNumReplicas" not in rules:
        raise invalid(
            "Invalid value for field 'resource.autoscalingPolicy.maxNumReplicas': required."
        )
    defaults(rules, minNumReplicas=2, coolDownPeriodSec=60, mode="ON")
    if not 0 <= rules["minNumReplicas"] <= rules["maxNumReplicas"]:
        raise invalid(
            "Invalid value for field 'resource.autoscalingPolicy': minimum above maximum."
        )
    signals = ("cpuUtilization", "customMetricUtilizations", "loadBalancingUtilization")
    if not any(rules.get(signal) is not None for signal in signals):
        rules["cpuUtilization"] = {}
    if "cpuUtilization" in rules:
        cpu = rules["cpuUtilization"]
        defaults(cpu, utilizationTarget=0.6, predictiveMethod="NONE")
        if not 0 < cpu["utilizationTarget"] <= 1:
            raise invalid("Invalid value for field 'cpuUtilization.utilizationTarget': (0, 1].")
    for metric in rules.get("customMetricUtilizations", []):
        if "metric" not in metric:
            raise invalid("Invalid value for field 'customMetricUtilizations.metric': required.")
        if "singleInstanceAssignment" not in metric:
            defaults(metric, utilizationTargetType="GAUGE")
    if "scaleInControl" in rules:
        check_scale_in(rules["scaleInControl"], rules["maxNumReplicas"])


def check_scale_in(control: Json, most: int) -> None:
    allowed = control.get("maxScaledInReplicas")
    if allowed is None or ("fixed" in allowed) == ("percent" in allowed):
        raise invalid("Invalid value for field 'maxScaledInReplicas': one of fixed and percent.")
    allowed["calculated"] = policy.fixed_or_percent(allowed, most, 0)


class Managers(Resources):
    """The calls of managed instance groups."""

    def __init__(self, world: World, kind: Kind, kinds: list[Kind], groups: Groups) -> None:
        super().__init__(world, kind, kinds)
        self.groups = groups

    def calls(self) -> Calls:
        service = self.kind.service
        return {
            **super().calls(),
            f"{service}.Resize": self.resize,
            f"{service}.ListManagedInstances": self.list_managed_instances,
            f"{service}.ListErrors": self.list_errors,
            f"{service}.ApplyUpdatesToInstances": self.apply_updates,
            f"{service}.RecreateInstances": self.recreate_instances,
            f"{service}.DeleteInstances": self.delete_instances,
        }

    def patch(self, call: Call) -> Json:
        self.check_fingerprint(call)
        body: Json = dict(call.body)
        if "instanceTemplate" in body and "versions" not in body:
            body["versions"] = [{"instanceTemplate": body["instanceTemplate"]}]

        def replace(old: Json) -> Json:
            old["targetSize"] = self.groups.fleet(call.link).target_size
            return merge(self.world.schema, self.kind.message, old, body)

        return self.change("patch", call, replace)

    def delete(self, call: Call) -> Json:
        store = self.world.store
        manager = store.usable(call.link)
        for link in (call.link, link_of(manager["instanceGroup"])):
            check_unused(self.world, self.kinds, link)
        fleet = self.groups.fleet(call.link)
        fleet.delete()
        store.deleting.add(call.link)

        def finish() -> None:
            self.kind.deleted(self.world, call.link, manager)
            store.remove(call.link)

        return self.world.operations.start(
            "delete",
            call.link,
            finish,
            lambda: store.abandon(call.link),
            lambda: fleet.deleted,
        )

    def resize(self, call: Call) -> Json:
        fleet = self.groups.fleet(call.link)
        size = int(call.query["size"])
        if size < 0:
            raise invalid(f"Invalid value for field 'size': '{size}'.")
        return self.start("resize", call.link, lambda: fleet.resize(size))

    def list_managed_instances(self, call: Call) -> Json:
        fleet = self.groups.fleet(call.link)
        schema = self.world.schema
        found = selected(schema, "ManagedInstance", call.query, fleet.managed_instances())
        part, more = page(call.query, found)
        return {"managedInstances": part, **more}

    def list_errors(self, call: Call) -> Json:
        errors = []
        for managed in self.groups.fleet(call.link).managed_instances():
            for error in managed["lastAttempt"].get("errors", {}).get("errors", []):
                action = {"action": managed["currentAction"], "instance": managed["instance"]}
                errors.append({"error": error, "instanceActionDetails": action})
        return {"items": errors}

    def apply_updates(self, call: Call) -> Json:
        fleet = self.groups.fleet(call.link)
        names = self.named(fleet, call.body)
        return self.start("applyUpdates", call.link, lambda: fleet.apply_updates(names))

    def recreate_instances(self, call: Call) -> Json:
        fleet = self.groups.fleet(call.link)
        names = self.named(fleet, call.body)
        return self.start("recreate", call.link, lambda: fleet.recreate_instances(names))

    def delete_instances(self, call: Call) -> Json:
        fleet = self.groups.fleet(call.link)
        names = self.named(fleet, call.body)
        return self.start("deleteInstances", call.link, lambda: fleet.delete_instances(names))

    def named(self, fleet: Fleet, body: Json) -> list[str]:
        """The members that a body asks for. Refusal: there is no such one."""
        members = fleet.members()
        if body.get("allInstances"):
            return members
        names = [name_of(address) for address in body.get("instances", [])]
        if not names or not set(names) <= set(members):
            raise invalid(f"Invalid value for field 'instances': '{names}'.")
        return names


class Autoscalers(Resources):
    """The calls of autoscalers: a change names them in the query, not in the path."""

    def patch(self, call: Call) -> Json:
        return super().patch(self.named(call))

    def update(self, call: Call) -> Json:
        return super().update(self.named(call))

    def named(self, call: Call) -> Call:
        name = call.query.get("autoscaler") or call.body.get("name", "")
        body: dict[str, Any] = {"name": name, **call.body}
        return Call(call.place, f"{call.link}/{name}", call.query, body)


class InstanceGroups(Resources):
    """The calls of the groups that managers keep."""

    def __init__(self, world: World, kind: Kind, kinds: list[Kind], groups: Groups) -> None:
        super().__init__(world, kind, kinds)
        self.groups = groups

    def calls(self) -> Calls:
        return {**super().calls(), f"{self.kind.service}.ListInstances": self.list_instances}

    def list_instances(self, call: Call) -> Json:
        fleet = self.groups.fleet_of_group(call.link)
        state = call.body.get("instanceState", "ALL")
        found = []
        for managed in fleet.managed_instances():
            status = managed.get("instanceStatus", "PROVISIONING")
            if state == "ALL" or status == "RUNNING":
                found.append({"instance": managed["instance"], "status": status, "namedPorts": []})
        part, more = page(call.query, found)
        return {"kind": "compute#regionInstanceGroupsListInstances", "items": part, **more}
