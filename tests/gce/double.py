"""The double: all APIs behind one proxy, with a clock, faults and a log that tests hold in their hands."""

import base64
import binascii
import json
import os
import secrets
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from traceback import format_exc
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from gce.autoscaler import Autoscaler, Metric, no_metric
from gce.certificates import make_account, make_certificates
from gce.clock import Clock
from gce.compute import Compute
from gce.dns import Dns
from gce.faults import DROP, FAILED, HTTP, LOST_ANSWER, OPERATION_ERROR, Faults
from gce.fleet import Fleet
from gce.iam import Iam
from gce.kinds import Kind, World
from gce.links import full
from gce.machines import Machines, SimulatedMachines
from gce.operations import Operations
from gce.proxy import Incoming, Server
from gce.resources import seal
from gce.rest import Api
from gce.schema import load_schema
from gce.secret_manager import SecretManager
from gce.store import Store, fingerprint
from gce.topology import Topology
from gce.web import Answer, Json, Refusal, Request, invalid, unknown_route

PROJECT, NUMBER = "example-project", "123456789012"
LOG = "GCE_DOUBLE_LOG"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
HIDDEN = "(secret)"


@dataclass(frozen=True)
class Logged:
    """A request that came."""

    method: str
    path: str  # with the query
    body: Any
    status: int  # 0: the connection was closed without an answer


@dataclass(frozen=True)
class State:
    """What exists, for tests that look or make drift."""

    store: Store  # of Compute
    compute: Compute
    dns: Dns
    secrets: SecretManager
    iam: Iam


class Double:
    """A context manager. While it is open, programs with env() in their environment meet it in place of
    Google. Its time passes by `step` seconds with each request, and by advance()."""

    def __init__(
        self,
        project: str = PROJECT,
        machines: Callable[[Clock], Machines] = SimulatedMachines,
        metric: Metric = no_metric,
        step: float = 2.0,
        operation_seconds: float = 3.0,
    ) -> None:
        self.project = project
        self.step = step
        self.clock = Clock()
        self.faults = Faults()
        self.requests: list[Logged] = []
        self.crashes: list[str] = []  # its own mistakes; leaving the context raises for them
        self.account = f"deploy@{project}.iam.gserviceaccount.com"
        self.token = secrets.token_urlsafe(24)
        self.lock = threading.RLock()
        self.machines = machines(self.clock)
        store = Store(self.clock)
        operations = Operations(self.clock, store, self.account, operation_seconds)
        self.world = World(
            load_schema(), store, operations, Topology(project, NUMBER), self.machines
        )
        self.clock.every(1.0, operations.settle)
        iam = Iam(store, project, NUMBER)
        secret_manager = SecretManager(store, iam, project, NUMBER)
        compute = Compute(self.world, metric)
        self.state = State(store, compute, Dns(self.clock, store, project), secret_manager, iam)
        dns = self.state.dns.api()
        self.apis: list[Compute | Api] = [compute, dns, secret_manager.api()]
        self.apis += [iam.api(), iam.project_api()]

    def __enter__(self) -> "Double":
        self.temporary = tempfile.TemporaryDirectory(prefix="gce-double-")
        self.directory = Path(self.temporary.name)
        self.certificates = make_certificates(self.directory)
        self.server = Server(self.certificates, self.respond)
        self.token_uri = f"http://127.0.0.1:{self.server.port}/token"
        self.account_file = make_account(self.directory, self.project, self.account, self.token_uri)
        self.server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.stop()
        self.temporary.cleanup()
        if self.crashes and error is None:
            raise RuntimeError("the double failed itself:\n" + "\n".join(self.crashes))

    def env(self) -> dict[str, str]:
        """What a program needs in its environment; GCP_ACCESS_TOKEN is for those that sign in themselves."""
        proxy = f"http://127.0.0.1:{self.server.port}"
        here = "127.0.0.1,localhost"
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": here,
            "no_proxy": here,
            "REQUESTS_CA_BUNDLE": str(self.certificates.authority),
            "SSL_CERT_FILE": str(self.certificates.authority),
            "GCP_AUTH_KIND": "serviceaccount",
            "GCP_SERVICE_ACCOUNT_FILE": str(self.account_file),
            "GCP_PROJECT": self.project,
            "GCP_SCOPES": "https://www.googleapis.com/auth/cloud-platform",
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.account_file),
            "GCP_ACCESS_TOKEN": self.token,
        }

    # Time.

    def advance(self, seconds: float) -> None:
        """Lets its time pass. While programs talk to it, use this and not the clock's."""
        with self.lock:
            self.clock.advance(seconds)

    def until(self, condition: Callable[[], object], limit: float = 3600.0) -> None:
        """Lets its time pass until it holds. TimeoutError: it does not within `limit` seconds."""
        end = self.clock.now() + limit
        while not condition():
            if self.clock.now() >= end:
                raise TimeoutError(f"not within {limit} s of the double's time")
            self.advance(1.0)

    # State.

    def find(self, kind: str, name: str) -> tuple[Kind, str]:
        """A resource of Compute by its collection's name in the schema ("regionHealthChecks") and its own:
        its link. KeyError: there is none."""
        for known in self.state.compute.kinds:
            if known.name != kind:
                continue
            template = self.world.schema.methods[f"{known.service}.Get"].template
            scope = template.split("/")[5]
            for link in self.state.store.resources:
                words = link.split("/")
                if words[2] == scope and words[-2:] == [known.collection, name]:
                    return known, link
        raise KeyError(f"{kind} {name}")

    def get(self, kind: str, name: str) -> Json:
        """As a client sees it."""
        with self.lock:
            known, link = self.find(kind, name)
            resource: Json = json.loads(json.dumps(self.state.store.resources[link]))
            known.view(self.world, link, resource)
            return resource

    def fleet(self, name: str) -> Fleet:
        """Of a regional managed instance group. KeyError: there is none."""
        return self.state.compute.groups.fleets[self.find("regionInstanceGroupManagers", name)[1]]

    def autoscaler(self, name: str) -> Autoscaler:
        """KeyError: there is none."""
        return self.state.compute.groups.autoscalers[self.find("regionAutoscalers", name)[1]]

    def edit(self, kind: str, name: str, **changes: Any) -> None:
        """Drift: sets fields as somebody else would have by hand; None takes one away."""
        with self.lock:
            known, link = self.find(kind, name)
            resource = {**self.state.store.resources[link], **changes}
            resource = {key: value for key, value in resource.items() if value is not None}
            if "labels" in changes:
                resource["labelFingerprint"] = fingerprint(resource.get("labels", {}))
            if known.fingerprint:
                seal(resource)
            self.state.store.put(link, resource)
            known.changed(self.world, link, resource)

    def seed_image(
        self, name: str, family: str, project: str | None = None, size_gb: int = 10, **more: Any
    ) -> str:
        """An image that is there from the start, for example Debian's. Gives its full address."""
        link = f"projects/{project or self.project}/global/images/{name}"
        with self.lock:
            store = self.state.store
            image: Json = {"family": family, "status": "READY", "diskSizeGb": str(size_gb), **more}
            image.setdefault("labelFingerprint", fingerprint({}))
            image.setdefault("rawDisk", {"containerType": "TAR", "source": ""})
            store.put(link, store.stamped(link, "compute#image", image))
        return full(link)

    def links(self) -> list[str]:
        """Of all of the project's resources of Compute."""
        own = f"projects/{self.project}/"
        return sorted(link for link in self.state.store.resources if link.startswith(own))

    def called(self, method: str, path: str) -> list[Logged]:
        """The requests so far with this method and this part of a path."""
        return [r for r in self.requests if r.method == method and path in r.path]

    def writes(self, since: int = 0) -> list[tuple[str, str]]:
        """Method and path below the project, without the query, of the requests from number `since` on
        that were to change something."""
        reads = ("getHealth", "listManagedInstances", "listInstances")
        return [
            (
                request.method,
                request.path.split("?")[0].partition("/projects/")[2].partition("/")[2],
            )
            for request in self.requests[since:]
            if request.method != "GET"
            and "/projects/" in request.path
            and not request.path.split("?")[0].endswith(reads)
        ]

    # Requests.

    def respond(self, incoming: Incoming) -> Answer | None:
        """What the server asks for each request."""
        with self.lock:
            self.clock.advance(self.step)
            url = urlsplit(incoming.target)
            body: Any = None
            if url.path == "/token" and incoming.host in ("127.0.0.1", "localhost"):
                token_answer = self.give_token(incoming)
                self.log(incoming, body, token_answer)
                return token_answer
            try:
                body = parse_body(incoming)
                query = dict(parse_qsl(url.query, keep_blank_values=True))
                token = incoming.authorization.removeprefix("Bearer ")
                path = url.path
                request = Request(incoming.method, incoming.host, path, query, body, token)
                answer = self.answer(request)
            except Refusal as refusal:
                answer = refusal.answer()
            except (
                Exception
            ) as error:  # A mistake of the double is to be seen, and not to hang a play.
                self.crashes.append(f"{incoming.method} {incoming.target}\n{format_exc()}")
                answer = Refusal(500, "internalError", f"The double failed: {error!r}").answer()
            self.log(incoming, body, answer)
            return answer

    def answer(self, request: Request) -> Answer | None:
        """Refusal: the request is refused, by a fault or by an API."""
        api = self.api_of(request)
        route = None if api is None else api.route(request)
        kind = self.faults.take(request, route)
        if kind in HTTP:
            raise HTTP[kind]
        if kind == DROP:
            return None
        if api is None:
            return unknown_route(request.path)
        if request.token is None or not secrets.compare_digest(request.token, self.token):
            raise Refusal(401, "authError", "Invalid Credentials")
        answer = api.handle(request)
        if kind == OPERATION_ERROR and answer.body is not None:
            self.world.operations.fail(str(answer.body.get("name")), FAILED)
        return None if kind == LOST_ANSWER else answer

    def api_of(self, request: Request) -> Compute | Api | None:
        for api in self.apis:
            if request.host in api.hosts and api.route(request) is not None:
                return api
        return None

    def give_token(self, incoming: Incoming) -> Answer:
        """Signing in of a service account, RFC 7523. Its signature is not looked at."""
        form = parse_qs(incoming.body.decode())
        claims = claims_of(form.get("assertion", [""])[0])
        wanted = (self.account, self.token_uri)
        if form.get("grant_type") != [GRANT] or (claims.get("iss"), claims.get("aud")) != wanted:
            return Answer(400, {"error": "invalid_grant", "error_description": "Invalid JWT."})
        answer = {"access_token": self.token, "expires_in": 3599, "token_type": "Bearer"}
        return Answer(200, answer)

    def log(self, incoming: Incoming, body: Any, answer: Answer | None) -> None:
        status = 0 if answer is None else answer.status
        entry = Logged(incoming.method, incoming.target, hide(body), status)
        self.requests.append(entry)
        path = os.environ.get(LOG)
        if path:
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(vars(entry)) + "\n")


def parse_body(incoming: Incoming) -> Any:
    """Refusal: it is no JSON."""
    if not incoming.body:
        return None
    if not incoming.content_type.startswith("application/json"):
        raise invalid(f"Invalid content type '{incoming.content_type}'")
    try:
        return json.loads(incoming.body)
    except ValueError:
        raise Refusal(400, "parseError", "Parse Error") from None


def claims_of(assertion: str) -> Json:
    """What a JSON Web Token says; nothing if it is none."""
    try:
        _, claims, _ = assertion.split(".")
        parsed = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def hide(body: Any) -> Any:
    """A body for the log: without a secret's content."""
    if isinstance(body, dict) and isinstance(body.get("payload"), dict):
        return {**body, "payload": {key: HIDDEN for key in body["payload"]}}
    return body
