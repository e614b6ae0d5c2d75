"""The resources that exist, and those whose creation is under way."""

import base64
import copy
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import count

from gce.clock import Clock
from gce.links import full, name_of
from gce.web import Json, Refusal, absent, exists, not_ready

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)  # the clock's zero
FIRST_ID = 1_000_000_000_000_000_000
NO_LIMIT = 1_000_000


class Store:
    """Resources by their links. Not thread safe: the double's lock guards it."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.resources: dict[str, Json] = {}
        self.creating: dict[str, Json] = {}
        self.deleting: set[str] = set()
        self.quotas: dict[str, int] = {}  # how many of a collection there may be
        self.ids = count(FIRST_ID)

    def new_id(self) -> str:
        return str(next(self.ids))

    def timestamp(self, after: float = 0.0) -> str:
        """The clock's time as Compute writes it."""
        time = EPOCH + timedelta(seconds=self.clock.now() + after)
        return time.isoformat(timespec="milliseconds")

    def get(self, link: str) -> Json:
        """Refusal: it does not exist, or not yet."""
        if link not in self.resources:
            raise absent(link)
        return self.resources[link]

    def usable(self, link: str) -> Json:
        """One that another resource may refer to, or that may be changed. Refusal: it does not exist, or is
        being created or deleted."""
        if link in self.creating or link in self.deleting:
            raise not_ready(link)
        return self.get(link)

    def list(self, prefix: str) -> Iterator[tuple[str, Json]]:
        """Those of a collection, "projects/p/global/networks", by name."""
        for link in sorted(self.resources):
            if link.rpartition("/")[0] == prefix:
                yield link, self.resources[link]

    def collection(self, name: str) -> Iterator[tuple[str, Json]]:
        """Those of all collections called so, in all places."""
        for link in sorted(self.resources):
            if link.split("/")[-2] == name:
                yield link, self.resources[link]

    def reserve(self, link: str, resource: Json) -> None:
        """Begins to create it. Refusal: there is one, or the quota is used up."""
        if link in self.resources or link in self.creating:
            raise exists(link)
        collection = link.split("/")[-2]
        users = [*self.resources, *self.creating]
        used = sum(other.split("/")[-2] == collection for other in users)
        limit = self.quotas.get(collection, NO_LIMIT)
        if used >= limit:
            message = f"Quota '{collection.upper()}' exceeded. Limit: {limit}.0 globally."
            raise Refusal(403, "quotaExceeded", message, domain="usageLimits")
        self.creating[link] = resource

    def finish(self, link: str) -> None:
        """Its creation has ended well."""
        self.resources[link] = self.creating.pop(link)

    def abandon(self, link: str) -> None:
        """Its creation or deletion has failed."""
        self.creating.pop(link, None)
        self.deleting.discard(link)

    def put(self, link: str, resource: Json) -> None:
        """Without an operation: what was there before, or what a test sets."""
        self.resources[link] = resource

    def remove(self, link: str) -> None:
        self.deleting.discard(link)
        self.resources.pop(link, None)

    def stamped(self, link: str, kind: str, resource: Json) -> Json:
        """A new resource with what the server adds to each: kind, id, name, time, links of place and self."""
        words = link.split("/")
        result = copy.deepcopy(resource)
        result.update(kind=kind, id=self.new_id(), name=name_of(link), selfLink=full(link))
        result["creationTimestamp"] = self.timestamp()
        if words[2] in ("regions", "zones"):
            result[words[2][:-1]] = full("/".join(words[:4]))
        return result


def fingerprint(content: object) -> str:
    """A short text that is another one whenever the content is."""
    return base64.b64encode(hashlib.sha256(repr(content).encode()).digest()[:9]).decode()
