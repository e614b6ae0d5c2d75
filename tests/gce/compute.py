"""The Compute API v1: which calls of Google's schema the double knows, and how a request comes to one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gce import balancing, images, networks
from gce.autoscaler import Metric, no_metric
from gce.groups import Autoscalers, Groups, InstanceGroups, Managers
from gce.instances import Instances
from gce.kinds import Call, Kind, World
from gce.links import HOSTS, Place, name_of
from gce.resources import Calls, Resources, page
from gce.schema import Method, Problem
from gce.security import Security
from gce.web import Answer, Json, Refusal, Request, absent, invalid, unknown_route

ROOT = "/compute/v1/"
NO_BODY: tuple[Any, ...] = (None, {})


class Compute:
    """All its calls. A request gets an answer or raises Refusal."""

    hosts = HOSTS

    def __init__(self, world: World, metric: Metric = no_metric) -> None:
        self.world = world
        self.groups = Groups(world, metric)
        managers, scalers, groups = self.groups.kinds()
        self.kinds: list[Kind] = []
        instances = Instances(world, self.kinds, self.groups)
        plain = [*self.network_kinds(instances), *images.KINDS, *self.balancing_kinds()]
        self.kinds += [*plain, managers, scalers, groups, instances.kind]
        services = {kind.service: kind for kind in self.kinds}
        self.calls: Calls = {}
        self.answered: dict[tuple[str, str, str], Json] = {}
        for kind in plain:
            self.calls.update(Resources(world, kind, self.kinds).calls())
        special: tuple[Resources | Security, ...] = (
            networks.Subnetworks(world, services["Subnetworks"], self.kinds),
            images.Images(world, services["Images"], self.kinds),
            Managers(world, managers, self.kinds, self.groups),
            InstanceGroups(world, groups, self.kinds, self.groups),
            Autoscalers(world, scalers, self.kinds),
            Security(world, services, self.kinds, self.groups),
            instances,
        )
        for resources in special:
            self.calls.update(resources.calls())
        self.calls.update(self.own_calls())

    def network_kinds(self, instances: Instances) -> list[Kind]:
        check = instances.check_network
        return [
            replace(kind, check_delete=check) if kind.service in instances.LIVE_IN else kind
            for kind in networks.KINDS
        ]

    def balancing_kinds(self) -> list[Kind]:
        changed = self.groups.changed_health_check
        return [
            replace(kind, changed=changed) if kind.collection == "healthChecks" else kind
            for kind in balancing.KINDS
        ]

    def own_calls(self) -> Calls:
        calls: Calls = {
            "Projects.Get": lambda _: self.world.topology.own_project(),
            "Regions.Get": lambda call: self.world.topology.region(name_of(call.link)),
            "Regions.List": lambda call: self.places(call, "region"),
            "Zones.Get": lambda call: self.world.topology.zone(name_of(call.link)),
            "Zones.List": lambda call: self.places(call, "zone"),
            "MachineTypes.Get": lambda call: self.in_zone(call, "machine_type"),
            "DiskTypes.Get": lambda call: self.in_zone(call, "disk_type"),
        }
        for service in ("GlobalOperations", "RegionOperations", "ZoneOperations"):
            calls[f"{service}.Get"] = lambda call: self.world.operations.get(call.link)
            calls[f"{service}.Wait"] = self.wait
            calls[f"{service}.List"] = self.list_operations
        return calls

    def match(self, request: Request) -> Method | None:
        """The call that a request is, if the double knows it."""
        found = self.world.schema.match(request.method, request.path)
        return found[0] if found is not None and found[0].name in self.calls else None

    def route(self, request: Request) -> str | None:
        """A name for all requests of the same kind."""
        method = self.match(request)
        return None if method is None else method.name

    def handle(self, request: Request) -> Answer:
        """Refusal: by the schema, or by the call."""
        method = self.match(request)
        if method is None:
            return unknown_route(request.path)
        problems = self.world.schema.check_query(method, request.query)
        problems += self.check_body(method, request.body)
        if problems:
            raise invalid("; ".join(str(problem) for problem in problems))
        call = self.make_call(method, request)
        act = self.calls[method.name]
        return Answer(200, self.once(request, lambda: act(call)))

    def once(self, request: Request, act: Callable[[], Json]) -> Json:
        """A write that is sent again with the same requestId is answered by its first operation."""
        number = request.query.get("requestId")
        if number is None:
            return act()
        key = (request.method, request.path, number)
        if key not in self.answered:
            self.answered[key] = act()
        return self.answered[key]

    def check_body(self, method: Method, body: Any) -> list[Problem]:
        message = self.world.schema.body_message(method)
        if message is None:
            return [] if body in NO_BODY else [Problem("body", f"{method.name} takes none")]
        if body is None:
            return [Problem("body", f"{method.name} wants a {message}")]
        return self.world.schema.check_body(message, body)

    def make_call(self, method: Method, request: Request) -> Call:
        """Refusal: the project is another one, or there is no such place."""
        words = request.path.removeprefix(ROOT).strip("/").split("/")
        project, topology = words[1], self.world.topology
        foreign = project not in (topology.project, topology.number)
        if foreign and not method.service == "Images":
            text = f"Required 'compute' permission for 'projects/{project}'"
            raise Refusal(403, "forbidden", text)
        words[1] = project if foreign else topology.project
        scope = "global"
        if len(words) > 4 and words[2] in ("regions", "zones"):
            scope = f"{words[2]}/{words[3]}"
            if not topology.has_scope(scope):
                raise absent("/".join(words[:4]))
        message = self.world.schema.body_message(method)
        body: Json = {}
        if message is not None:
            body = self.world.schema.writable(message, request.body or {})
        link = "/".join(words[: link_length(method, words)])
        return Call(Place(words[1], scope), link, request.query, body)

    def places(self, call: Call, kind: str) -> Json:
        topology = self.world.topology
        zones = [zone for zone, _ in topology.zones()]
        names = list(topology.regions) if kind == "region" else zones
        part, more = page(call.query, [getattr(topology, kind)(name) for name in names])
        return {"kind": f"compute#{kind}List", "id": call.link, "items": part, **more}

    def in_zone(self, call: Call, kind: str) -> Json:
        found: Callable[[str, str], Json] = getattr(self.world.topology, kind)
        return found(name_of(call.place.scope), name_of(call.link))

    def wait(self, call: Call) -> Json:
        """Google's server holds the answer back for two minutes at the most; here these pass at once."""
        operation = self.world.operations.get(call.link)
        if operation["status"] != "DONE":
            self.world.operations.clock.advance(self.world.operations.seconds)
        return self.world.operations.get(call.link)

    def list_operations(self, call: Call) -> Json:
        part, more = page(call.query, self.world.operations.list(call.link))
        return {"kind": "compute#operationList", "id": call.link, "items": part, **more}


def link_length(method: Method, words: list[str]) -> int:
    """How many words of a path name the resource, or the collection; a word for what to do may follow."""
    template = method.template.removeprefix(ROOT).split("/")
    last = max((i for i, word in enumerate(template) if word.startswith("{")), default=0)
    on_resource = last == len(template) - 1 or last == len(template) - 2 and last >= 4
    return last + 1 if on_resource else len(words)
