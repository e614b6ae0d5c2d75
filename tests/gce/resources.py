"""What all collections of Compute have in common: insert, get, list, patch, update, delete, setLabels."""

import copy
import re
from collections.abc import Callable, Iterable
from typing import Any

from gce.filters import compile_filter
from gce.kinds import Call, Kind, World, check_unused, resolve
from gce.links import full, link_of, place_of
from gce.operations import Effect, at_once, nothing
from gce.schema import Schema
from gce.store import fingerprint
from gce.web import Json, invalid, stale

NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
MAXIMUM = 500  # results of a page
WHOLE = ("FixedOrPercent",)  # of whose fields one is set; a patch replaces them all
Calls = dict[str, Callable[[Call], Json]]  # by the name of the schema's method
# What changes without the client, and so is not in the fingerprint.
VOLATILE = ("fingerprint", "status", "recommendedSize", "statusDetails")


class Resources:
    """The calls of one kind."""

    def __init__(self, world: World, kind: Kind, kinds: list[Kind]) -> None:
        self.world = world
        self.kind = kind
        self.kinds = kinds  # all, to find who uses a resource

    def calls(self) -> Calls:
        """Those that the double knows."""
        known = {
            "Get": self.get,
            "List": self.list_all,
            "AggregatedList": self.aggregated_list,
            "Insert": self.insert,
            "Delete": self.delete,
            "Patch": self.patch,
            "Update": self.update,
            "SetLabels": self.set_labels,
        }
        return {f"{self.kind.service}.{verb}": known[verb] for verb in self.kind.verbs}

    def view(self, link: str, resource: Json) -> Json:
        result = copy.deepcopy(resource)
        self.kind.view(self.world, link, result)
        return result

    def get(self, call: Call) -> Json:
        return self.view(call.link, self.world.store.get(call.link))

    def list_all(self, call: Call) -> Json:
        items = [self.view(link, item) for link, item in self.world.store.list(call.link)]
        return listed(self.world.schema, self.kind, call, items)

    def aggregated_list(self, call: Call) -> Json:
        items = [
            self.view(link, item)
            for link, item in self.world.store.collection(self.kind.collection)
        ]
        return aggregated(self.world, self.kind, call, items)

    def insert(self, call: Call) -> Json:
        """Refusal: the name is bad or taken, a reference is, or Google would find nonsense in it."""
        name = call.body.get("name", "")
        if NAME.fullmatch(name) is None:
            raise invalid(
                f"Invalid value for field 'resource.name': '{name}'. Must be a match of regex"
            )
        link = f"{call.link}/{name}"
        store = self.world.store
        resource = store.stamped(link, self.kind.kind, without_empty(call.body))
        resource.pop("fingerprint", None)
        self.settle(link, resource)
        store.reserve(link, resource)

        def finish() -> None:
            self.kind.created(self.world, link, resource)
            store.finish(link)

        return self.start("insert", link, finish, lambda: store.abandon(link))

    def settle(self, link: str, resource: Json) -> None:
        """Full links, the server's defaults, a new fingerprint."""
        resolve(self.world, self.kind, link, resource)
        self.kind.fill(self.world, link, resource)
        if self.kind.fingerprint:
            seal(resource)

    def delete(self, call: Call) -> Json:
        store = self.world.store
        resource = store.usable(call.link)

        def check() -> None:
            check_unused(self.world, self.kinds, call.link)
            self.kind.check_delete(self.world, call.link, copy.deepcopy(resource))

        def finish() -> None:
            check()
            self.kind.deleted(self.world, call.link, resource)
            store.remove(call.link)

        check()
        store.deleting.add(call.link)
        return self.start("delete", call.link, finish, lambda: store.abandon(call.link))

    def patch(self, call: Call) -> Json:
        """Fields that are not given stay; a list is replaced as a whole."""
        self.check_fingerprint(call)
        schema, message = self.world.schema, self.kind.message
        return self.change("patch", call, lambda old: merge(schema, message, old, call.body))

    def update(self, call: Call) -> Json:
        """Fields that are not given get their defaults."""
        self.check_fingerprint(call)
        fields = self.world.schema.fields(self.kind.message)

        def replace(old: Json) -> Json:
            kept = {k: v for k, v in old.items() if k not in fields or fields[k].output_only}
            for key in ("name", "labels", "labelFingerprint"):
                if key in old:
                    kept[key] = old[key]
            return {**kept, **without_empty(call.body)}

        return self.change("update", call, replace)

    def set_labels(self, call: Call) -> Json:
        resource = self.world.store.usable(call.link)
        given = call.body.get("labelFingerprint")
        if given != resource.get("labelFingerprint"):
            raise stale(f"labelFingerprint '{given}'")
        labels = without_empty(call.body.get("labels") or {})

        def replace(old: Json) -> Json:
            return {**old, "labels": labels, "labelFingerprint": fingerprint(labels)}

        return self.change("setLabels", call, replace)

    def check_fingerprint(self, call: Call) -> None:
        """Refusal: it is not the present one, or there is none where Google wants it."""
        resource = self.world.store.usable(call.link)
        given = call.body.get("fingerprint")
        if not self.kind.fingerprint or (given is None and not self.kind.fingerprint_wanted):
            return
        if given != resource["fingerprint"]:
            raise stale(f"fingerprint '{given}'")

    def change(
        self, verb: str, call: Call, replace: Callable[[Json], Json], may: tuple[str, ...] = ()
    ) -> Json:
        """An operation that replaces a resource by what comes of it; `may` change what else is fixed.
        Refusal: it cannot be."""
        store = self.world.store

        def changed() -> Json:
            old = store.usable(call.link)
            new = replace(copy.deepcopy(old))
            self.settle(call.link, new)
            for field in {"name", *self.kind.fixed} - {*may}:
                if new.get(field) != old.get(field):
                    message = "it cannot be changed after the resource was created."
                    raise invalid(f"Invalid value for field 'resource.{field}': {message}")
            return new

        def finish() -> None:
            new = changed()
            store.put(call.link, new)
            self.kind.changed(self.world, call.link, new)

        changed()
        return self.start(verb, call.link, finish)

    def start(
        self,
        verb: str,
        link: str,
        effect: Effect,
        undo: Effect = nothing,
        ready: Callable[[], bool] = at_once,
    ) -> Json:
        return self.world.operations.start(verb, link, effect, undo, ready)


def seal(resource: Json) -> None:
    """Sets the fingerprint of what a resource is now."""
    content = {key: value for key, value in resource.items() if key not in VOLATILE}
    resource["fingerprint"] = fingerprint(content)


def without_empty(value: Any) -> Any:
    """null means "not given", and so does an empty list."""
    if isinstance(value, dict):
        return {key: without_empty(v) for key, v in value.items() if v is not None and v != []}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def merge(schema: Schema, message: str, old: Json, body: Json) -> Json:
    """What a patch makes of a resource; null, or an empty list, takes a field away."""
    result = dict(old)
    fields = schema.fields(message)
    for name, value in body.items():
        field = fields[name]
        inner = isinstance(value, dict) and field.type in schema.tree and not field.mapped
        if value is None or value == []:
            result.pop(name, None)
        elif inner and field.type not in WHOLE:
            result[name] = merge(schema, field.type, old.get(name) or {}, value)
        elif field.mapped:
            result[name] = without_empty({**(old.get(name) or {}), **value})
        else:
            result[name] = without_empty(value)
    return result


def selected(schema: Schema, message: str, query: dict[str, str], items: list[Json]) -> list[Json]:
    """Those that the parameters filter and orderBy want, in their order. Refusal: they are malformed."""
    fields = set(schema.fields(message))
    test = compile_filter(query.get("filter", ""), fields)
    order = query.get("orderBy", "name")
    if order not in ("name", "creationTimestamp desc"):
        raise invalid(f"Invalid value for field 'orderBy': '{order}'.")
    newest = order != "name"
    key = "creationTimestamp" if newest else "name"
    chosen = [item for item in items if test(item)]
    return sorted(chosen, key=lambda item: str(item[key]), reverse=newest)


def page(query: dict[str, str], items: list[Any]) -> tuple[list[Any], Json]:
    """The part that maxResults and pageToken ask for, and what says that there is more."""
    size = int(query.get("maxResults", MAXIMUM))
    token = query.get("pageToken", "0")
    if not token.isdecimal() or not 0 <= size <= MAXIMUM:
        raise invalid("Invalid value for field 'pageToken' or 'maxResults'.")
    end = int(token) + size
    return items[int(token) : end], ({"nextPageToken": str(end)} if end < len(items) else {})


def listed(schema: Schema, kind: Kind, call: Call, items: list[Json]) -> Json:
    part, more = page(call.query, selected(schema, kind.message, call.query, items))
    name = f"{kind.kind}List"
    result: Json = {"kind": name, "id": call.link, "selfLink": full(call.link)}
    return {**result, **({"items": part} if part else {}), **more}


def aggregated(world: World, kind: Kind, call: Call, items: Iterable[Json]) -> Json:
    """All places of a project that have any; for an empty one, a warning, as Google writes it."""
    chosen, more = page(call.query, selected(world.schema, kind.message, call.query, list(items)))
    zones = "zones" if kind.collection in ("instances", "disks") else "regions"
    every_zone = [zone for zone, _ in world.topology.zones()]
    names = every_zone if zones == "zones" else list(world.topology.regions)
    found: dict[str, Json] = {}
    for name in names:
        empty = f"There are no results for scope '{zones}/{name}' on this page."
        found[f"{zones}/{name}"] = {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": empty}}
    for item in chosen:
        place = place_of(link_of(item["selfLink"]))
        found[place.scope].pop("warning", None)
        found[place.scope].setdefault(kind.collection, []).append(item)
    name = kind.kind.partition("#")[2]
    return {"kind": f"compute#{name}AggregatedList", "id": call.link, "items": found, **more}
