"""A site as a browser finds it: which files it asks for, where its links lead, what of a document is in a page."""

import posixpath
import re
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path

from docs.markdown import Document

# Of these a browser asks by itself; of an <a> only when somebody follows it.
ASKED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
RELATIONS = {"stylesheet", "icon", "preload", "preconnect", "manifest", "prefetch", "dns-prefetch"}
IN_STYLE = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
COUNTED = {"table", "tr", "ul", "ol", "li", "pre", "img", "h1", "h2", "h3", "h4", "blockquote"}


@dataclass
class Page(HTMLParser):
    """A file of HTML."""

    text: str
    asked: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    policy: str = ""
    parts: Counter[str] = field(default_factory=Counter)  # of the article
    depth: int = 0

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "article":
            self.depth += 1
        elif tag in COUNTED and self.depth:
            self.parts[tag] += 1
        elif tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and set(values.get("rel", "").split()) & RELATIONS:
            self.asked.append(values["href"])
        elif tag == "meta" and values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag in ASKED and ASKED[tag] in values:
            self.asked.append(values[ASKED[tag]])
        self.asked += asked_by_style(values.get("style", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self.depth -= 1


def asked_by_style(text: str) -> list[str]:
    found = (first or second for first, second in IN_STYLE.findall(text))
    return [each for each in found if not each.startswith(("data:", "#"))]


def parts(document: Document) -> Counter[str]:
    """What GitHub makes of a document, as far as it is counted."""
    found: Counter[str] = Counter()
    for token in document.tokens:
        if token.nesting == 1 and token.tag in COUNTED:
            found[token.tag] += 1
        elif token.type in ("fence", "code_block"):
            found["pre"] += 1
    found["img"] += sum(link.image for link in document.links)
    return +found


class Site:
    """What is in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @cached_property
    def pages(self) -> dict[str, Page]:
        """By their path; 404.html has absolute addresses, as it is shown anywhere."""
        paths = self.directory.rglob("*.html")
        return {
            path.relative_to(self.directory).as_posix(): Page(path.read_text()) for path in paths
        }

    def target(self, page: str, address: str) -> str:
        """The file that an address of a page is about."""
        path = urllib.parse.unquote(urllib.parse.urlsplit(address).path)
        if not path:
            return page
        base = "" if path.startswith("/") else posixpath.dirname(page)
        name = posixpath.normpath(posixpath.join(base, path.lstrip("/")))
        return posixpath.join(name, "index.html") if (self.directory / name).is_dir() else name

    def wrong_link(self, page: str, address: str) -> str | None:
        split = urllib.parse.urlsplit(address)
        if split.scheme or split.netloc:
            return None
        target = posixpath.normpath(self.target(page, address))
        if not (self.directory / target).is_file():
            return f"{page}: {address}: no such file"
        fragment = urllib.parse.unquote(urllib.parse.urlsplit(address).fragment)
        # The theme's own links to the top need no id.
        if fragment and target in self.pages and fragment not in self.pages[target].ids | {"top"}:
            return f"{page}: {address}: no such id"
        return None

    def wrong_links(self) -> Iterator[str]:
        for name, page in self.pages.items():
            for address in [*page.links, *page.asked]:
                if reason := self.wrong_link(name, address):
                    yield reason

    def foreign(self) -> Iterator[str]:
        """What a browser would ask of another host."""
        asked = [(name, each) for name, page in self.pages.items() for each in page.asked]
        for path in self.directory.rglob("*.css"):
            name = path.relative_to(self.directory).as_posix()
            asked += [(name, each) for each in asked_by_style(path.read_text())]
        for name, address in asked:
            if urllib.parse.urlsplit(address).netloc:
                yield f"{name}: {address}"
