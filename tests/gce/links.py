"""Links: Compute names a resource by an address, of which clients may give the end only.

A link is kept as the part from "projects/" on, for example "projects/p/regions/r/addresses/a"."""

import re
from dataclasses import dataclass

BASE = "https://www.googleapis.com/compute/v1/"
HOSTS = ("www.googleapis.com", "compute.googleapis.com")
PREFIX = re.compile(r"https://(?:www|compute)\.googleapis\.com/compute/v1/+")
SCOPES = ("regions", "zones")


@dataclass(frozen=True)
class Place:
    """Where a resource of a project is: "global", "regions/r" or "zones/z"."""

    project: str
    scope: str

    def link(self, collection: str, name: str = "") -> str:
        """Of a resource in it, or without a name of the collection."""
        return f"projects/{self.project}/{self.scope}/{collection}" + (f"/{name}" if name else "")


def full(link: str) -> str:
    """As Google's server writes it."""
    return BASE + link


def link_of(address: str) -> str:
    """The inverse of full()."""
    return address.removeprefix(BASE)


def partial(text: str, place: Place) -> str | None:
    """The link that a client means by a full address, "projects/…", "global/…", "regions/…" or "zones/…";
    None if it is none of them."""
    text = PREFIX.sub("", text).strip("/")
    if text.startswith(("global/", "regions/", "zones/")):
        text = f"projects/{place.project}/{text}"
    return text if text.startswith("projects/") and len(text.split("/")) >= 4 else None


def place_of(link: str) -> Place:
    words = link.split("/")
    return Place(words[1], "global" if words[2] == "global" else f"{words[2]}/{words[3]}")


def collection_of(link: str) -> str:
    """ "addresses"."""
    return link.split("/")[-2]


def name_of(link: str) -> str:
    return link.rpartition("/")[2]
