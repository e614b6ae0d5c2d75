"""Health checks, backend services, forwarding rules and Cloud Armor: what Google's server adds and refuses."""

from gce.kinds import Kind, Reference, World
from gce.links import full, link_of, partial, place_of
from gce.networks import defaults, free_address
from gce.store import fingerprint
from gce.web import Json, absent, invalid

PROTOCOLS = {
    "GRPC": "grpcHealthCheck",
    "HTTP": "httpHealthCheck",
    "HTTP2": "http2HealthCheck",
    "HTTPS": "httpsHealthCheck",
    "SSL": "sslHealthCheck",
    "TCP": "tcpHealthCheck",
}
PORTS = {"HTTP": 80, "HTTPS": 443, "HTTP2": 443, "TCP": 80, "SSL": 443}
LAST_PRIORITY = 2147483647


def fill_health_check(_world: World, _link: str, check: Json) -> None:
    if "type" not in check:
        raise invalid("Invalid value for field 'resource.type': ''. It is required.")
    defaults(check, checkIntervalSec=5, timeoutSec=5, healthyThreshold=2, unhealthyThreshold=2)
    defaults(check.setdefault("logConfig", {}), enable=False)
    if check["timeoutSec"] > check["checkIntervalSec"]:
        raise invalid(
            "Invalid value for field 'resource.timeoutSec': longer than checkIntervalSec."
        )
    for low, high, field in ((1, 300, "checkIntervalSec"), (1, 10, "healthyThreshold")):
        if not low <= check[field] <= high:
            raise invalid(f"Invalid value for field 'resource.{field}': {low} to {high}.")
    kind = check["type"]
    if kind not in PROTOCOLS:
        return
    for other, field in PROTOCOLS.items():
        if other != kind and field in check:
            raise invalid(f"Invalid value for field 'resource.{field}': the type is {kind}.")
    probe = check.setdefault(PROTOCOLS[kind], {})
    if kind != "GRPC":
        defaults(probe, proxyHeader="NONE")
    if probe.get("portSpecification") != "USE_SERVING_PORT" and kind in PORTS:
        defaults(probe, port=PORTS[kind])
    if kind.startswith("HTTP"):
        defaults(probe, requestPath="/")


def fill_backend_service(world: World, link: str, service: Json) -> None:
    defaults(
        service,
        loadBalancingScheme="EXTERNAL",
        protocol="TCP",
        sessionAffinity="NONE",
        timeoutSec=30,
    )
    if service["loadBalancingScheme"] not in ("EXTERNAL", "INTERNAL"):
        raise invalid("The double knows the passthrough load balancers' schemes only.")
    if len(service.get("healthChecks", [])) != 1:
        raise invalid("Invalid value for field 'resource.healthChecks': exactly one is wanted.")
    scope = place_of(link).scope
    if (
        service["loadBalancingScheme"] == "EXTERNAL"
        and f"/{scope}/" not in service["healthChecks"][0]
    ):
        raise invalid("Invalid value for field 'resource.healthChecks': it must be regional.")
    defaults(service.setdefault("connectionDraining", {}), drainingTimeoutSec=0)
    for backend in service.get("backends", []):
        defaults(backend, balancingMode="CONNECTION")
        if backend["balancingMode"] != "CONNECTION":
            raise invalid("Invalid value for field 'resource.backends.balancingMode': CONNECTION.")
    tracking = service.get("connectionTrackingPolicy")
    if tracking is not None:
        defaults(
            tracking,
            trackingMode="PER_CONNECTION",
            connectionPersistenceOnUnhealthyBackends="DEFAULT_FOR_PROTOCOL",
            enableStrongAffinity=False,
        )
    logs = service.get("logConfig")
    if logs is not None and logs.get("enable"):
        defaults(logs, sampleRate=1.0, optionalMode="EXCLUDE_ALL_OPTIONAL")


def view_backend_service(world: World, _link: str, service: Json) -> None:
    users = [
        {"reference": rule["selfLink"]}
        for _, rule in world.store.collection("forwardingRules")
        if rule.get("backendService") == service["selfLink"]
    ]
    if users:
        service["usedBy"] = users


def rule_address(world: World, link: str, given: str | None) -> str:
    """The IP address that a forwarding rule's field means. Refusal: no such address."""
    if given is None:
        return free_address(world, link)
    address = partial(given, place_of(link))
    if address is not None:
        return str(world.store.usable(address)["address"])
    for _, other in world.store.collection("addresses"):
        if given in (other["address"], other["name"]):
            return str(other["address"])
    taken = [rule["IPAddress"] for _, rule in world.store.collection("forwardingRules")]
    if given in taken:
        return given
    raise absent(place_of(link).link("addresses", given))


def served(rule: Json) -> tuple[str, str, frozenset[str]]:
    """What may not be twice: address, protocol, ports."""
    ports = frozenset(rule.get("ports", [])) or frozenset([rule.get("portRange", "all")])
    return rule["IPAddress"], rule["IPProtocol"], ports


def fill_forwarding_rule(world: World, link: str, rule: Json) -> None:
    rule["IPAddress"] = rule_address(world, link, rule.get("IPAddress"))
    defaults(rule, IPProtocol="TCP", loadBalancingScheme="EXTERNAL", networkTier="PREMIUM")
    defaults(rule, labelFingerprint=fingerprint({}))
    if ("backendService" in rule) == ("target" in rule):
        raise invalid("Invalid value for field 'resource': one of backendService and target.")
    if sum(field in rule for field in ("ports", "portRange")) + bool(rule.get("allPorts")) != 1:
        raise invalid(
            "Invalid value for field 'resource.ports': one of ports, portRange, allPorts."
        )
    if "portRange" in rule and "-" not in rule["portRange"]:
        rule["portRange"] = f"{rule['portRange']}-{rule['portRange']}"
    if len(rule.get("ports", [])) > 5:
        raise invalid("Invalid value for field 'resource.ports': at most 5.")
    if "backendService" in rule:
        check_service(world, rule)
    for other_link, other in world.store.collection("forwardingRules"):
        address, protocol, ports = served(other)
        mine = served(rule)
        if other_link != link and mine[:2] == (address, protocol) and mine[2] & ports:
            raise invalid(
                f"Invalid value for field 'resource.IPAddress': in use by '{other_link}'."
            )


def check_service(world: World, rule: Json) -> None:
    service = world.store.usable(link_of(rule["backendService"]))
    for field, wanted in (
        ("loadBalancingScheme", rule["loadBalancingScheme"]),
        ("protocol", rule["IPProtocol"]),
    ):
        if service[field] not in (wanted, "UNSPECIFIED"):
            raise invalid(
                f"Invalid value for field 'resource.backendService': its {field} differs."
            )


def fill_policy(world: World, link: str, policy: Json) -> None:
    defaults(policy, type="CLOUD_ARMOR_NETWORK", labelFingerprint=fingerprint({}))
    rules: list[Json] = policy.setdefault("rules", [])
    if all(rule.get("priority") != LAST_PRIORITY for rule in rules):
        rules.append({"action": "allow", "priority": LAST_PRIORITY, "description": "Default rule"})
    priorities = [rule.get("priority") for rule in rules]
    if len(set(priorities)) != len(priorities):
        raise invalid("Invalid value for field 'resource.rules': two have one priority.")
    for rule in rules:
        if "action" not in rule or "priority" not in rule:
            raise invalid(
                "Invalid value for field 'resource.rules': action and priority are required."
            )
        defaults(rule, kind="compute#securityPolicyRule", preview=False)
    rules.sort(key=lambda rule: int(rule["priority"]))


def fill_edge_service(world: World, link: str, service: Json) -> None:
    for other_link, _ in world.store.collection("networkEdgeSecurityServices"):
        if other_link != link and place_of(other_link) == place_of(link):
            raise invalid("A region has at most one network edge security service.")
    service["selfLinkWithId"] = full(link.rpartition("/")[0]) + f"/{service['id']}"
    if "securityPolicy" in service:
        policy = world.store.usable(link_of(service["securityPolicy"]))
        if policy["type"] != "CLOUD_ARMOR_NETWORK":
            raise invalid("Invalid value for field 'resource.securityPolicy': CLOUD_ARMOR_NETWORK.")


ALL = ("Get", "List", "Insert", "Delete")
KINDS = (
    Kind(
        "HealthChecks",
        "HealthCheck",
        "healthChecks",
        "compute#healthCheck",
        (*ALL, "Patch", "Update"),
        fill=fill_health_check,
    ),
    Kind(
        "RegionHealthChecks",
        "HealthCheck",
        "healthChecks",
        "compute#healthCheck",
        (*ALL, "Patch", "Update"),
        fill=fill_health_check,
    ),
    Kind(
        "RegionBackendServices",
        "BackendService",
        "backendServices",
        "compute#backendService",
        (*ALL, "Patch", "Update"),
        references=(
            Reference("backends.group", ("instanceGroups",)),
            Reference("healthChecks", ("healthChecks",)),
            Reference("network", ("networks",)),
            Reference("securityPolicy", ("securityPolicies",)),
        ),
        fixed=("loadBalancingScheme",),
        fingerprint=True,
        fingerprint_wanted=True,
        fill=fill_backend_service,
        view=view_backend_service,
    ),
    Kind(
        "ForwardingRules",
        "ForwardingRule",
        "forwardingRules",
        "compute#forwardingRule",
        (*ALL, "Patch", "SetLabels"),
        references=(
            Reference("backendService", ("backendServices",)),
            Reference("network", ("networks",)),
            Reference("subnetwork", ("subnetworks",)),
        ),
        fixed=("IPAddress", "IPProtocol", "ports", "portRange", "allPorts", "loadBalancingScheme"),
        fingerprint=True,
        labels=True,
        fill=fill_forwarding_rule,
    ),
    Kind(
        "RegionSecurityPolicies",
        "SecurityPolicy",
        "securityPolicies",
        "compute#securityPolicy",
        (*ALL, "Patch", "SetLabels"),
        fixed=("type", "rules"),
        fingerprint=True,
        fingerprint_wanted=True,
        labels=True,
        fill=fill_policy,
    ),
    Kind(
        "NetworkEdgeSecurityServices",
        "NetworkEdgeSecurityService",
        "networkEdgeSecurityServices",
        "compute#networkEdgeSecurityService",
        ("Get", "Insert", "Delete", "Patch", "AggregatedList"),
        references=(Reference("securityPolicy", ("securityPolicies",)),),
        fingerprint=True,
        fingerprint_wanted=True,
        fill=fill_edge_service,
    ),
)
