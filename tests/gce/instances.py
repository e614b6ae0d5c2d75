"""Instances: those that a client makes, and those of the groups, which come from their templates."""

import copy
from dataclasses import replace
from typing import Protocol, runtime_checkable

from gce.groups import Groups
from gce.images import fill_disk, fill_properties, image_of, place_interfaces
from gce.kinds import Call, Kind, Reference, World
from gce.links import Place, full, link_of, name_of, place_of
from gce.machines import MachineState, ZoneError
from gce.networks import default_network, defaults
from gce.resources import Calls, Resources, aggregated, listed
from gce.store import fingerprint
from gce.web import Json, Refusal, in_use, invalid

KIND = Kind(
    "Instances",
    "Instance",
    "instances",
    "compute#instance",
    ("Get", "List", "AggregatedList", "Insert", "Delete", "SetLabels"),
    references=(
        Reference("machineType", ("machineTypes",)),
        Reference("disks.source", ("disks",), holds=False),
        Reference("disks.initializeParams.sourceImage", ("images",), holds=False),
        Reference("networkInterfaces.network", ("networks",)),
        Reference("networkInterfaces.subnetwork", ("subnetworks",)),
    ),
    labels=True,
)


@runtime_checkable
class Stoppable(Protocol):
    """Machines that can also stand still and keep their disks."""

    def stop(self, name: str) -> None:
        ...

    def start(self, name: str) -> None:
        ...


class Instances(Resources):
    """The calls of instances."""

    LIVE_IN = ("Networks", "Subnetworks")

    def __init__(self, world: World, kinds: list[Kind], groups: Groups) -> None:
        kind = replace(
            KIND,
            fill=fill_instance,
            view=self.view_instance,
            created=self.boot,
            deleted=self.remove,
        )
        super().__init__(world, kind, kinds)
        self.groups = groups

    def calls(self) -> Calls:
        return {
            **super().calls(),
            "Instances.Stop": self.stop,
            "Instances.Start": self.boot_again,
        }

    def insert(self, call: Call) -> Json:
        if "sourceInstanceTemplate" in call.query:
            raise invalid("The double makes no instances from templates.")
        return super().insert(call)

    def get(self, call: Call) -> Json:
        for link, resource in self.members():
            if link == call.link:
                return resource
        return super().get(call)

    def list_all(self, call: Call) -> Json:
        prefix = f"{call.link}/"
        items = [item for link, item in self.everything() if link.startswith(prefix)]
        return listed(self.world.schema, self.kind, call, items)

    def aggregated_list(self, call: Call) -> Json:
        items = [item for _, item in self.everything()]
        return aggregated(self.world, self.kind, call, items)

    def everything(self) -> list[tuple[str, Json]]:
        own = self.world.store.collection("instances")
        return [*((link, self.view(link, item)) for link, item in own), *self.members()]

    def members(self) -> list[tuple[str, Json]]:
        """Those of the groups."""
        return [
            (link_of(managed["instance"]), self.member(managed, link))
            for link, fleet in self.groups.fleets.items()
            for managed in fleet.managed_instances()
            if "instanceStatus" in managed
        ]

    def member(self, managed: Json, manager: str) -> Json:
        """A member of a group as its template makes it."""
        link = link_of(managed["instance"])
        template = self.world.store.get(link_of(managed["version"]["instanceTemplate"]))
        instance: Json = copy.deepcopy(template["properties"])
        place = place_of(link)
        instance.update(
            kind="compute#instance",
            id=managed["id"],
            name=name_of(link),
            selfLink=full(link),
            zone=full(f"projects/{place.project}/{place.scope}"),
            machineType=full(place.link("machineTypes", instance["machineType"])),
            creationTimestamp=template["creationTimestamp"],
            status=managed["instanceStatus"],
            labelFingerprint=fingerprint(instance.get("labels")),
        )
        created_by = {"key": "created-by", "value": manager}
        instance["metadata"].setdefault("items", []).append(created_by)
        state = self.state(name_of(link))
        if state is not None:
            instance["networkInterfaces"][0]["networkIP"] = state.address
        for disk in instance["disks"]:
            disk.pop("initializeParams", None)
            disk["source"] = full(place.link("disks", name_of(link)))
        return instance

    def view_instance(self, world: World, link: str, instance: Json) -> None:
        """A machine that is gone, by nobody's order, stands still."""
        if instance["status"] != "TERMINATED":
            state = self.state(name_of(link))
            instance["status"] = "TERMINATED" if state is None else state.status

    def state(self, name: str) -> MachineState | None:
        """None: there is no such machine."""
        try:
            return self.world.machines.state(name)
        except KeyError:
            return None

    def check_network(self, _world: World, link: str, _resource: Json) -> None:
        """Refusal: a member of a group is in this network or subnetwork."""
        for user, member in self.members():
            for interface in member["networkInterfaces"]:
                if full(link) in (interface["network"], interface.get("subnetwork")):
                    raise in_use(link, user)

    def boot(self, world: World, link: str, instance: Json) -> None:
        """Makes what the instance's description asks for. Refusal: the zone has no room."""
        place = place_of(link)
        for disk in instance["disks"]:
            parameters = disk.pop("initializeParams", None)
            if parameters is not None:
                disk["source"] = new_disk(world, place, instance["name"], parameters, disk)
        self.turn_on(link, instance)

    def turn_on(self, link: str, instance: Json) -> None:
        place = place_of(link)
        template = {"name": instance["name"], "properties": instance}
        machines = self.world.machines
        try:
            machines.create(instance["name"], name_of(place.scope), template)
        except ZoneError as error:
            raise Refusal(503, "zoneResourcePoolExhausted", str(error)) from None
        instance["networkInterfaces"][0]["networkIP"] = machines.state(instance["name"]).address
        instance["status"] = "RUNNING"
        instance["lastStartTimestamp"] = self.world.store.timestamp()

    def stop(self, call: Call) -> Json:
        instance = self.world.store.usable(call.link)

        def finish() -> None:
            machines = self.world.machines
            if instance["status"] != "TERMINATED":
                off = machines.stop if isinstance(machines, Stoppable) else machines.delete
                off(instance["name"])
                instance["status"] = "TERMINATED"

        return self.start("stop", call.link, finish)

    def boot_again(self, call: Call) -> Json:
        instance = self.world.store.usable(call.link)

        def finish() -> None:
            machines = self.world.machines
            if instance["status"] != "TERMINATED":
                return
            if isinstance(machines, Stoppable):
                machines.start(instance["name"])
                instance["status"] = "RUNNING"
            else:
                self.turn_on(call.link, instance)

        return self.start("start", call.link, finish, ready=lambda: self.gone(instance))

    def gone(self, instance: Json) -> bool:
        """The machine that it was is no more, as far as that matters."""
        if isinstance(self.world.machines, Stoppable) or instance["status"] != "TERMINATED":
            return True
        return self.state(instance["name"]) is None

    def delete(self, call: Call) -> Json:
        if call.link not in self.world.store.resources:
            for link, _ in self.members():
                if link == call.link:
                    delete = self.world.machines.delete
                    return self.start("delete", link, lambda: delete(name_of(link)))
        return super().delete(call)

    def remove(self, world: World, link: str, instance: Json) -> None:
        stands = isinstance(world.machines, Stoppable) or instance["status"] != "TERMINATED"
        if stands and self.state(instance["name"]) is not None:
            world.machines.delete(instance["name"])
        for disk in instance["disks"]:
            if disk["autoDelete"]:
                world.store.remove(link_of(disk["source"]))


def new_disk(world: World, place: Place, name: str, parameters: Json, attached: Json) -> str:
    """A disk as an instance's initializeParams describe it; its full address."""
    link = place.link("disks", parameters.get("diskName", name))
    disk: Json = {"sourceImage": parameters.get("sourceImage")}
    for given, field in (("diskSizeGb", "sizeGb"), ("diskType", "type"), ("labels", "labels")):
        if given in parameters:
            disk[field] = parameters[given]
    disk = world.store.stamped(link, "compute#disk", disk)
    fill_disk(world, link, disk)
    attached["diskSizeGb"] = disk["sizeGb"]
    world.store.reserve(link, disk)
    world.store.finish(link)
    return full(link)


def fill_instance(world: World, link: str, instance: Json) -> None:
    for interface in instance.get("networkInterfaces", []):
        if "network" not in interface and "subnetwork" not in interface:
            interface["network"] = default_network(link)
    fill_properties(instance, "resource")
    place_interfaces(world, instance["networkInterfaces"])
    for interface in instance["networkInterfaces"]:
        network = world.store.get(link_of(interface["network"]))
        if "subnetwork" not in interface and not network["autoCreateSubnetworks"]:
            raise invalid("Invalid value for field 'networkInterfaces.subnetwork': it is required.")
    for disk in instance["disks"]:
        if "source" not in disk:
            image_of(world, disk.get("initializeParams", {}).get("sourceImage", ""))
    defaults(
        instance,
        deletionProtection=False,
        labelFingerprint=fingerprint({}),
        startRestricted=False,
        status="PROVISIONING",
        cpuPlatform="Intel Broadwell",
    )
