"""Networks, subnetworks, firewalls, routers and addresses: what Google's server adds and refuses."""

from ipaddress import IPv4Address, IPv4Network, ip_network

from gce.kinds import Call, Kind, Reference, World
from gce.links import full, link_of, place_of
from gce.resources import Calls, Resources
from gce.store import fingerprint
from gce.web import Json, in_use, invalid

NETWORK = Reference("network", ("networks",))
RANGES = {"regions": IPv4Network("198.51.100.0/24"), "global": IPv4Network("203.0.113.0/24")}
FLOW_LOGS: Json = {
    "aggregationInterval": "INTERVAL_5_SEC",
    "filterExpr": "true",
    "flowSampling": 0.5,
    "metadata": "INCLUDE_ALL_METADATA",
}
NAT: Json = {
    "autoNetworkTier": "PREMIUM",
    "enableEndpointIndependentMapping": False,
    "endpointTypes": ["ENDPOINT_TYPE_VM"],
    "type": "PUBLIC",
}


def defaults(resource: Json, **given: object) -> None:
    """Sets what is not there."""
    for key, value in given.items():
        resource.setdefault(key, value)


def default_network(link: str) -> str:
    return full(f"projects/{place_of(link).project}/global/networks/default")


def fill_network(_world: World, _link: str, network: Json) -> None:
    defaults(
        network,
        autoCreateSubnetworks=True,
        mtu=1460,
        networkFirewallPolicyEnforcementOrder="AFTER_CLASSIC_FIREWALL",
        selfLinkWithId=network["selfLink"].rpartition("/")[0] + f"/{network['id']}",
    )
    defaults(network.setdefault("routingConfig", {}), routingMode="REGIONAL")
    defaults(network["routingConfig"], bgpBestPathSelectionMode="LEGACY")


def view_network(world: World, _link: str, network: Json) -> None:
    subnetworks = [
        subnetwork["selfLink"]
        for _, subnetwork in world.store.collection("subnetworks")
        if subnetwork["network"] == network["selfLink"]
    ]
    if subnetworks:
        network["subnetworks"] = subnetworks


def parse_range(text: str, where: str) -> IPv4Network:
    """Refusal: it is no range of IPv4."""
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise invalid(f"Invalid value for field 'resource.{where}': '{text}'. {error}") from None


def fill_subnetwork(world: World, link: str, subnetwork: Json) -> None:
    if "network" not in subnetwork or "ipCidrRange" not in subnetwork:
        raise invalid("Invalid value for field 'resource': network and ipCidrRange are required.")
    own = parse_range(subnetwork["ipCidrRange"], "ipCidrRange")
    for other_link, other in world.store.collection("subnetworks"):
        taken = IPv4Network(other["ipCidrRange"])
        if other_link != link and other["network"] == subnetwork["network"] and own.overlaps(taken):
            raise invalid(f"Invalid IPCidrRange: {own} conflicts with existing subnetwork.")
    subnetwork["gatewayAddress"] = str(own[1])
    defaults(
        subnetwork,
        allowSubnetCidrRoutesOverlap=False,
        privateIpGoogleAccess=False,
        privateIpv6GoogleAccess="DISABLE_GOOGLE_ACCESS",
        purpose="PRIVATE",
        stackType="IPV4_ONLY",
    )
    logs = subnetwork.setdefault("logConfig", {})
    if "enableFlowLogs" in subnetwork:
        logs.setdefault("enable", subnetwork["enableFlowLogs"])
    defaults(logs, enable=False)
    if logs["enable"]:
        defaults(logs, **FLOW_LOGS)
    subnetwork["enableFlowLogs"] = logs["enable"]


def fill_firewall(_world: World, link: str, firewall: Json) -> None:
    if ("allowed" in firewall) == ("denied" in firewall):
        raise invalid("Invalid value for field 'resource': exactly one of allowed and denied.")
    defaults(firewall, network=default_network(link), priority=1000, direction="INGRESS")
    defaults(firewall, disabled=False)
    defaults(firewall.setdefault("logConfig", {}), enable=False)
    ingress = firewall["direction"] == "INGRESS"
    if ingress and "destinationRanges" in firewall and "sourceRanges" not in firewall:
        firewall["sourceRanges"] = ["0.0.0.0/0"]
    if ingress and not {"sourceRanges", "sourceTags", "sourceServiceAccounts"} & set(firewall):
        firewall["sourceRanges"] = ["0.0.0.0/0"]
    if not ingress:
        defaults(firewall, destinationRanges=["0.0.0.0/0"])
    for field in ("sourceRanges", "destinationRanges"):
        for text in firewall.get(field, []):
            check_range(text, field)


def check_range(text: str, field: str) -> None:
    try:
        ip_network(text)
    except ValueError as error:
        raise invalid(f"Invalid value for field 'resource.{field}': '{text}'. {error}") from None


def fill_router(_world: World, _link: str, router: Json) -> None:
    if "network" not in router:
        raise invalid("Invalid value for field 'resource.network': ''. It is required.")
    defaults(router, encryptedInterconnectRouter=False)
    names = [nat.get("name") for nat in router.get("nats", [])]
    if len(set(names)) != len(names):
        raise invalid("Invalid value for field 'resource.nats': the names must differ.")
    for nat in router.get("nats", []):
        for field in ("name", "sourceSubnetworkIpRangesToNat"):
            if field not in nat:
                raise invalid(f"Invalid value for field 'resource.nats.{field}': it is required.")
        defaults(nat, natIpAllocateOption="AUTO_ONLY", **NAT)
        if (nat["natIpAllocateOption"] == "AUTO_ONLY") == bool(nat.get("natIps")):
            raise invalid(
                "Invalid value for field 'resource.nats.natIps': see natIpAllocateOption."
            )


def view_router(_world: World, _link: str, router: Json) -> None:
    for nat in router.get("nats", []):
        if "logConfig" in nat:
            defaults(nat["logConfig"], enable=False, filter="ALL")


def free_address(world: World, link: str, subnetwork: str | None = None) -> str:
    """One of a range that documents may show, or of the subnetwork."""
    taken = {address.get("address") for _, address in world.store.collection("addresses")}
    taken |= {address.get("address") for address in world.store.creating.values()}
    taken |= {rule.get("IPAddress") for _, rule in world.store.collection("forwardingRules")}
    if subnetwork is not None:
        owner = world.store.usable(link_of(subnetwork))
        hosts = list(IPv4Network(owner["ipCidrRange"]).hosts())[1:-1]
    else:
        hosts = list(RANGES[place_of(link).scope.partition("/")[0]].hosts())
    for host in hosts:
        if str(host) not in taken:
            return str(host)
    raise invalid("The range of addresses is used up.")


def fill_address(world: World, link: str, address: Json) -> None:
    defaults(address, addressType="EXTERNAL", labelFingerprint=fingerprint({}))
    if address["addressType"] == "EXTERNAL":
        defaults(address, networkTier="PREMIUM")
    else:
        defaults(address, purpose="GCE_ENDPOINT")
    if "address" not in address:
        address["address"] = free_address(world, link, address.get("subnetwork"))
    try:
        IPv4Address(address["address"])
    except ValueError as error:
        raise invalid(f"Invalid value for field 'resource.address': {error}") from None
    address["status"] = "RESERVED"


def view_address(world: World, _link: str, address: Json) -> None:
    rules = world.store.collection("forwardingRules")
    users = [rule["selfLink"] for _, rule in rules if rule["IPAddress"] == address["address"]]
    if users:
        address.update(status="IN_USE", users=users)


def check_address(world: World, link: str, address: Json) -> None:
    view_address(world, link, address)
    if "users" in address:
        raise in_use(link, link_of(address["users"][0]))


class Subnetworks(Resources):
    """The calls of subnetworks."""

    def calls(self) -> Calls:
        return {
            **super().calls(),
            "Subnetworks.ExpandIpCidrRange": self.expand,
            "Subnetworks.SetPrivateIpGoogleAccess": self.set_access,
        }

    def expand(self, call: Call) -> Json:
        """Refusal: the new range does not have the old one in it."""
        wanted = call.body.get("ipCidrRange", "")
        old = IPv4Network(self.world.store.usable(call.link)["ipCidrRange"])
        if not old.subnet_of(parse_range(wanted, "ipCidrRange")):
            raise invalid(
                f"Invalid value for field 'ipCidrRange': '{wanted}' is not wider than {old}."
            )
        change = {"ipCidrRange": wanted}
        field = ("ipCidrRange",)
        return self.change("expandIpCidrRange", call, lambda now: {**now, **change}, may=field)

    def set_access(self, call: Call) -> Json:
        wanted = bool(call.body.get("privateIpGoogleAccess", False))
        change = {"privateIpGoogleAccess": wanted}
        return self.change("setPrivateIpGoogleAccess", call, lambda now: {**now, **change})


ALL = ("Get", "List", "Insert", "Delete")
KINDS = (
    Kind(
        "Networks",
        "Network",
        "networks",
        "compute#network",
        (*ALL, "Patch"),
        fixed=("autoCreateSubnetworks", "IPv4Range", "description"),
        fill=fill_network,
        view=view_network,
    ),
    Kind(
        "Subnetworks",
        "Subnetwork",
        "subnetworks",
        "compute#subnetwork",
        (*ALL, "Patch"),
        references=(NETWORK,),
        fixed=("network", "ipCidrRange", "description"),
        fingerprint=True,
        fingerprint_wanted=True,
        fill=fill_subnetwork,
    ),
    Kind(
        "Firewalls",
        "Firewall",
        "firewalls",
        "compute#firewall",
        (*ALL, "Patch", "Update"),
        references=(NETWORK,),
        fixed=("network", "direction"),
        fill=fill_firewall,
    ),
    Kind(
        "Routers",
        "Router",
        "routers",
        "compute#router",
        (*ALL, "Patch", "Update"),
        references=(
            NETWORK,
            Reference("nats.natIps", ("addresses",)),
            Reference("nats.subnetworks.name", ("subnetworks",)),
        ),
        fixed=("network",),
        fill=fill_router,
        view=view_router,
    ),
    Kind(
        "Addresses",
        "Address",
        "addresses",
        "compute#address",
        (*ALL, "SetLabels"),
        references=(NETWORK, Reference("subnetwork", ("subnetworks",))),
        labels=True,
        fill=fill_address,
        view=view_address,
        check_delete=check_address,
    ),
)
