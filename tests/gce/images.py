"""Images, disks and instance templates: what Google's server adds and refuses."""

from typing import Any

from gce.kinds import Call, Kind, Reference, World, newest_image
from gce.links import full, link_of, partial, place_of
from gce.networks import NETWORK, defaults
from gce.resources import Calls, Resources, without_empty
from gce.store import fingerprint
from gce.web import Json, absent, in_use, invalid

SUBNETWORK = Reference("subnetwork", ("subnetworks",))
SCHEDULING: Json = {
    "automaticRestart": True,
    "onHostMaintenance": "MIGRATE",
    "preemptible": False,
    "provisioningModel": "STANDARD",
}


def image_of(world: World, value: str) -> Json:
    """The image that a full address means, by its name or its family."""
    link = link_of(value)
    if "/images/family/" in link:
        link = newest_image(world, link) or link
    return world.store.usable(link)


def fill_image(world: World, link: str, image: Json) -> None:
    sources = [f for f in ("sourceDisk", "sourceImage", "sourceSnapshot", "rawDisk") if f in image]
    if len(sources) != 1:
        raise invalid("Invalid value for field 'resource': exactly one source is wanted.")
    size = "10"
    if sources[0] == "sourceDisk":
        disk = world.store.get(link_of(image["sourceDisk"]))
        image["sourceDiskId"] = disk["id"]
        size = disk["sizeGb"]
    elif sources[0] == "sourceImage":
        source = image_of(world, image["sourceImage"])
        image["sourceImageId"] = source["id"]
        size = source["diskSizeGb"]
    defaults(
        image,
        architecture="X86_64",
        archiveSizeBytes="1073741824",
        diskSizeGb=size,
        enableConfidentialCompute=False,
        labelFingerprint=fingerprint({}),
        sourceType="RAW",
        status="READY",
        storageLocations=["eu"],
    )


def disk_user(world: World, disk: str) -> str | None:
    """The instance that has the disk."""
    for link, instance in world.store.collection("instances"):
        if any(attached["source"] == disk for attached in instance["disks"]):
            return link
    return None


def fill_disk(world: World, link: str, disk: Json) -> None:
    size = "500"
    if "sourceImage" in disk:
        image = image_of(world, disk["sourceImage"])
        disk["sourceImage"], disk["sourceImageId"] = image["selfLink"], image["id"]
        size = image["diskSizeGb"]
        if int(disk.get("sizeGb", size)) < int(size):
            raise invalid(
                f"Invalid value for field 'resource.sizeGb': smaller than the image, {size}."
            )
        for field in ("guestOsFeatures", "licenses"):
            if field in image:
                defaults(disk, **{field: image[field]})
    zone = place_of(link).link("diskTypes", "pd-standard")
    defaults(disk, type=full(zone), sizeGb=size, status="READY", physicalBlockSizeBytes="4096")
    defaults(disk, labelFingerprint=fingerprint({}), enableConfidentialCompute=False)


def view_disk(world: World, _link: str, disk: Json) -> None:
    user = disk_user(world, disk["selfLink"])
    if user is not None:
        disk["users"] = [full(user)]


def check_disk(world: World, link: str, _disk: Json) -> None:
    user = disk_user(world, full(link))
    if user is not None:
        raise in_use(link, user)


def fill_properties(properties: dict[str, Any], where: str) -> None:
    """What a template and an instance have in common. Refusal: a part is missing."""
    for field in ("machineType", "disks", "networkInterfaces"):
        if not properties.get(field):
            raise invalid(f"Invalid value for field '{where}.{field}': ''. It is required.")
    boots = [disk for disk in properties["disks"] if disk.get("boot")]
    if len(boots) != 1:
        raise invalid(f"Invalid value for field '{where}.disks': exactly one boots.")
    for index, disk in enumerate(properties["disks"]):
        defaults(disk, kind="compute#attachedDisk", index=index, mode="READ_WRITE")
        defaults(disk, type="PERSISTENT", autoDelete=False, boot=False)
    for index, interface in enumerate(properties["networkInterfaces"]):
        defaults(interface, kind="compute#networkInterface", name=f"nic{index}")
        for access in interface.get("accessConfigs", []):
            defaults(
                access, kind="compute#accessConfig", name="External NAT", type="ONE_TO_ONE_NAT"
            )
            defaults(access, networkTier="PREMIUM")
    metadata = properties.setdefault("metadata", {})
    metadata.update(kind="compute#metadata", fingerprint=fingerprint(metadata.get("items")))
    keys = [item["key"] for item in metadata.get("items", [])]
    if len(set(keys)) != len(keys):
        raise invalid(f"Invalid value for field '{where}.metadata': a key is there twice.")
    if "tags" in properties:
        properties["tags"].setdefault(
            "fingerprint", fingerprint(properties["tags"].get("items", []))
        )
    scheduling = properties.setdefault("scheduling", {})
    if scheduling.get("preemptible") or scheduling.get("provisioningModel") == "SPOT":
        defaults(scheduling, automaticRestart=False, onHostMaintenance="TERMINATE")
        defaults(scheduling, preemptible=True, provisioningModel="SPOT")
    defaults(scheduling, **SCHEDULING)
    shielded = properties.get("shieldedInstanceConfig")
    if shielded is not None:
        defaults(shielded, enableSecureBoot=False, enableVtpm=True)
        defaults(shielded, enableIntegrityMonitoring=True)
    defaults(properties, canIpForward=False)


def place_interfaces(world: World, interfaces: list[Json]) -> None:
    """A subnetwork says in which network it is."""
    for interface in interfaces:
        if "subnetwork" in interface:
            subnetwork = world.store.usable(link_of(interface["subnetwork"]))
            if interface.setdefault("network", subnetwork["network"]) != subnetwork["network"]:
                raise invalid("The subnetwork is not in the network.")


def fill_template(world: World, _link: str, template: Json) -> None:
    properties = template.get("properties")
    if not properties:
        raise invalid("Invalid value for field 'resource.properties': ''. It is required.")
    fill_properties(properties, "resource.properties")
    if "/" in properties["machineType"]:
        raise invalid(
            "Invalid value for field 'resource.properties.machineType': a name is wanted."
        )
    for disk in properties["disks"]:
        if "/" in disk.get("initializeParams", {}).get("diskType", ""):
            raise invalid("Invalid value for field 'initializeParams.diskType': a name is wanted.")
    place_interfaces(world, properties["networkInterfaces"])


class Images(Resources):
    """The calls of images."""

    def calls(self) -> Calls:
        return {
            **super().calls(),
            "Images.GetFromFamily": self.newest_of_family,
            "Images.Deprecate": self.deprecate,
        }

    def insert(self, call: Call) -> Json:
        """Refusal: a machine that runs may write to the disk, and nobody insists."""
        disk = partial(call.body.get("sourceDisk") or "", call.place)
        user = None if disk is None else disk_user(self.world, full(disk))
        if disk is not None and user is not None and call.query.get("forceCreate") != "true":
            if self.world.store.get(user)["status"] != "TERMINATED":
                raise in_use(disk, user)
        return super().insert(call)

    def newest_of_family(self, call: Call) -> Json:
        link = newest_image(self.world, call.link)
        if link is None:
            raise absent(call.link)
        return self.world.store.get(link)

    def deprecate(self, call: Call) -> Json:
        status = without_empty(call.body)
        return self.change("deprecate", call, lambda old: {**old, "deprecated": status})


IMAGE = ("images",)
KINDS = (
    Kind(
        "Images",
        "Image",
        "images",
        "compute#image",
        ("Get", "List", "Insert", "Delete", "Patch", "SetLabels"),
        references=(
            Reference("sourceDisk", ("disks",), holds=False),
            Reference("sourceImage", IMAGE, holds=False),
        ),
        fixed=("sourceDisk", "sourceImage", "diskSizeGb", "guestOsFeatures"),
        labels=True,
        fill=fill_image,
    ),
    Kind(
        "Disks",
        "Disk",
        "disks",
        "compute#disk",
        ("Get", "List", "Insert", "Delete", "SetLabels", "AggregatedList"),
        references=(
            Reference("sourceImage", IMAGE, holds=False),
            Reference("type", ("diskTypes",)),
        ),
        labels=True,
        fill=fill_disk,
        view=view_disk,
        check_delete=check_disk,
    ),
    Kind(
        "InstanceTemplates",
        "InstanceTemplate",
        "instanceTemplates",
        "compute#instanceTemplate",
        ("Get", "List", "Insert", "Delete"),
        references=tuple(
            Reference(f"properties.{path}", to, holds=False)
            for path, to in (
                ("disks.initializeParams.sourceImage", IMAGE),
                ("networkInterfaces.network", NETWORK.to),
                ("networkInterfaces.subnetwork", SUBNETWORK.to),
            )
        ),
        fill=fill_template,
    ),
)
