"""What Google has and no project makes: regions, zones, types of machines and of disks."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from gce.links import Place, full, name_of
from gce.web import Json, absent

REGIONS = {
    "europe-west1": ("b", "c", "d"),
    "europe-west3": ("a", "b", "c"),
    "europe-west4": ("a", "b", "c"),
    "us-central1": ("a", "b", "c", "f"),
}
MEMORY_MB = {"highcpu": 2048, "standard": 4096, "highmem": 8192}  # for each vCPU
SIZES = (1, 2, 4, 8, 16, 22, 30, 32, 44, 48, 60, 64, 80, 88, 96)
FAMILIES = ("c2d", "c3", "c3d", "c4", "c4a", "e2", "n1", "n2", "n2d", "n4", "t2a", "t2d")
MACHINE_TYPES = {
    "e2-micro": (2, 1024),
    "e2-small": (2, 2048),
    "e2-medium": (2, 4096),
    **{
        f"{family}-{shape}-{size}": (size, size * memory)
        for family in FAMILIES
        for shape, memory in MEMORY_MB.items()
        for size in SIZES
    },
}
DISK_TYPES = ("hyperdisk-balanced", "pd-balanced", "pd-extreme", "pd-ssd", "pd-standard")
KNOWN = re.compile(
    r"projects/[^/]+/(?:(?P<region>regions/[^/]+)|(?P<zone>zones/[^/]+)(?:/(?P<rest>\w+/[^/]+))?)"
)


@dataclass(frozen=True)
class Topology:
    """By default some of Google's regions as they are."""

    project: str
    number: str  # the project's
    regions: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(REGIONS))

    def zones(self) -> Iterator[tuple[str, str]]:
        """Each zone and its region."""
        for region, letters in self.regions.items():
            for letter in letters:
                yield f"{region}-{letter}", region

    def has_scope(self, scope: str) -> bool:
        """Of "global", "regions/r", "zones/z"."""
        kind, _, name = scope.partition("/")
        if kind == "regions":
            return name in self.regions
        return kind == "global" or name in dict(self.zones())

    def has(self, link: str) -> bool:
        """Whether it is the link of something that is always there."""
        found = KNOWN.fullmatch(link)
        if found is None or not self.has_scope(found["region"] or found["zone"]):
            return False
        kind, _, name = (found["rest"] or "").partition("/")
        known: dict[str, Collection[str]] = {
            "machineTypes": MACHINE_TYPES,
            "diskTypes": DISK_TYPES,
            "": ("",),
        }
        return name in known.get(kind, ())

    def region(self, name: str) -> Json:
        if name not in self.regions:
            raise absent(f"projects/{self.project}/regions/{name}")
        place = Place(self.project, f"regions/{name}")
        zones = [
            full(f"projects/{self.project}/zones/{zone}") for zone, of in self.zones() if of == name
        ]
        return {**self.named("compute#region", place.link("")[:-1]), "status": "UP", "zones": zones}

    def zone(self, name: str) -> Json:
        regions = dict(self.zones())
        if name not in regions:
            raise absent(f"projects/{self.project}/zones/{name}")
        return {
            **self.named("compute#zone", f"projects/{self.project}/zones/{name}"),
            "status": "UP",
            "region": full(f"projects/{self.project}/regions/{regions[name]}"),
        }

    def machine_type(self, zone: str, name: str) -> Json:
        link = f"projects/{self.project}/zones/{zone}/machineTypes/{name}"
        if not self.has(link):
            raise absent(link)
        cpus, memory = MACHINE_TYPES[name]
        shared = {"isSharedCpu": name in ("e2-micro", "e2-small", "e2-medium"), "zone": zone}
        return {
            **self.named("compute#machineType", link),
            **shared,
            "guestCpus": cpus,
            "memoryMb": memory,
            "architecture": "ARM64" if name.startswith(("t2a", "c4a")) else "X86_64",
        }

    def disk_type(self, zone: str, name: str) -> Json:
        link = f"projects/{self.project}/zones/{zone}/diskTypes/{name}"
        if not self.has(link):
            raise absent(link)
        return {
            **self.named("compute#diskType", link),
            "zone": full(link.rpartition("/diskTypes")[0]),
        }

    def own_project(self) -> Json:
        link = f"projects/{self.project}"
        return {
            "kind": "compute#project",
            "id": self.number,
            "name": self.project,
            "selfLink": full(link),
            "creationTimestamp": "2026-01-01T00:00:00.000+00:00",
            "defaultServiceAccount": f"{self.number}-compute@developer.gserviceaccount.com",
            "defaultNetworkTier": "PREMIUM",
            "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
            "commonInstanceMetadata": {"kind": "compute#metadata", "items": []},
        }

    def named(self, kind: str, link: str) -> Json:
        return {"kind": kind, "name": name_of(link), "selfLink": full(link)}
