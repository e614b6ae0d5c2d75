"""What the double must know of a kind of resource beyond the schema, and what its parts work with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gce.links import Place, collection_of, full, partial, place_of
from gce.machines import Machines
from gce.operations import Operations
from gce.schema import Schema
from gce.store import Store
from gce.topology import Topology
from gce.web import Json, absent, in_use, invalid


@dataclass(frozen=True)
class World:
    """One double's parts."""

    schema: Schema
    store: Store
    operations: Operations
    topology: Topology
    machines: Machines


@dataclass(frozen=True)
class Reference:
    """A field that holds a link, or a list of them."""

    path: str  # "backends.group"; lists on the way are walked through
    to: tuple[str, ...]  # collections: "instanceGroups"
    holds: bool = True  # what is referred to cannot be deleted


Fill = Callable[[World, str, Json], None]
Check = Callable[[World, str, Json], None]
Change = Callable[[World, str, Json], None]


def nothing(_world: World, _link: str, _resource: Json) -> None:
    """What most kinds do."""


@dataclass(frozen=True)
class Kind:
    """A collection of the API. The functions get the resource's link and itself."""

    service: str  # in the schema: "RegionHealthChecks"
    message: str  # "HealthCheck"
    collection: str  # "healthChecks"
    kind: str  # "compute#healthCheck"
    verbs: tuple[str, ...]
    references: tuple[Reference, ...] = ()
    fixed: tuple[str, ...] = ()  # fields that cannot be changed later
    fingerprint: bool = False
    fingerprint_wanted: bool = False  # by Patch and Update
    labels: bool = False
    fill: Fill = nothing  # the server's defaults; again after each change; Refusal for nonsense
    view: Change = nothing  # adds to a copy that is answered what is true at that moment
    check_delete: Check = nothing  # Refusal: not now
    created: Change = nothing
    changed: Change = nothing
    deleted: Change = nothing

    @property
    def name(self) -> str:
        """As tests call it: "regionHealthChecks"."""
        return self.service[0].lower() + self.service[1:]


@dataclass(frozen=True)
class Call:
    """One request, matched and checked."""

    place: Place
    link: str  # of the resource, or of its collection
    query: dict[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)


def find(resource: Json, path: str) -> Iterator[tuple[Json, str]]:
    """Where in a resource a path leads: the objects and their keys, as far as there is a value."""
    head, _, rest = path.partition(".")
    value = resource.get(head)
    if value is None:
        return
    if not rest:
        yield resource, head
        return
    for item in value if isinstance(value, list) else [value]:
        yield from find(item, rest)


def values(resource: Json, path: str) -> Iterator[str]:
    for holder, key in find(resource, path):
        value = holder[key]
        yield from value if isinstance(value, list) else [value]


def resolve(world: World, kind: Kind, link: str, resource: Json) -> None:
    """Brings all links of a resource into their full form.
    Refusal: one is malformed, or of something that does not exist or is not ready."""
    for reference in kind.references:
        for holder, key in find(resource, reference.path):
            value = holder[key]
            place = f"resource.{reference.path}"
            if isinstance(value, list):
                holder[key] = [full(refer(world, link, reference, item, place)) for item in value]
            else:
                holder[key] = full(refer(world, link, reference, value, place))


def refer(world: World, link: str, reference: Reference, value: Any, where: str) -> str:
    """The link that a value means."""
    target = partial(str(value), place_of(link))
    if target is None:
        raise invalid(f"Invalid value for field '{where}': '{value}'. The URL is malformed.")
    collection = "images" if "/images/family/" in target else collection_of(target)
    if collection not in reference.to:
        message = f"The referenced resource must be one of: {', '.join(reference.to)}."
        raise invalid(f"Invalid value for field '{where}': '{value}'. {message}")
    if "/images/family/" in target:
        if newest_image(world, target) is None:
            raise absent(target)
    elif not world.topology.has(target):
        world.store.usable(target)
    return target


def newest_image(world: World, family: str) -> str | None:
    """The newest image, not deprecated, of a family's link; None when there is none."""
    prefix, _, name = family.partition("/family/")
    images = [
        (resource["creationTimestamp"], int(resource["id"]), link)
        for link, resource in world.store.list(prefix)
        if resource.get("family") == name
        and resource.get("deprecated", {}).get("state", "ACTIVE") == "ACTIVE"
    ]
    return max(images)[2] if images else None


def check_unused(world: World, kinds: list[Kind], link: str) -> None:
    """Refusal: another resource holds this one, or is being created so that it will."""
    wanted = full(link)
    for kind in kinds:
        for reference in kind.references:
            if reference.holds and collection_of(link) in reference.to:
                for user, resource in users(world, kind):
                    if wanted in values(resource, reference.path):
                        raise in_use(link, user)


def users(world: World, kind: Kind) -> Iterator[tuple[str, Json]]:
    yield from world.store.collection(kind.collection)
    for link, resource in world.store.creating.items():
        if collection_of(link) == kind.collection:
            yield link, resource
