"""Whether the links of a document lead somewhere. Nothing is asked of the network: of a link to elsewhere only its
form is looked at."""

import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from docs.markdown import Document, Link, read, tracked
from support.daemon import ROOT

LINES = re.compile(r"L([1-9][0-9]*)(?:-L([1-9][0-9]*))?")
# Of these, a browser shows nothing but what stands in the link itself.
LOCAL = {"localhost", "127.0.0.1"}


def wrong_address(target: str) -> str | None:
    """What is wrong with the form of a link to elsewhere."""
    try:
        address = urllib.parse.urlsplit(target)
        host = address.hostname or ""
        port = address.port
    except ValueError as error:
        return str(error)
    if address.scheme == "mailto":
        return None if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address.path) else "no address"
    if host in LOCAL:
        return None if address.scheme in ("http", "https") else "no http"
    if address.scheme != "https":
        return "only https leads outside"
    if port is not None or not re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", host):
        return f"'{host}' is no host's name"
    return None


def wrong_fragment(path: Path, fragment: str) -> str | None:
    """What is wrong with the part after #, for a file that is there."""
    if lines := LINES.fullmatch(fragment):
        count = len(path.read_text().splitlines())
        first, last = int(lines[1]), int(lines[2] or lines[1])
        return None if first <= last <= count else f"{path.name} has {count} lines"
    if path.suffix != ".md":
        return "only #L<number> leads into a file that is no document"
    if fragment not in read(path).anchors():
        return f"{path.name} has no heading #{fragment}"
    return None


def is_tracked(path: Path) -> bool:
    """A file of the repository, or a directory of some."""
    name = path.relative_to(ROOT).as_posix()
    return name in tracked() or any(each.startswith(f"{name}/") for each in tracked())


def wrong(source: Path, document: Document, link: Link) -> str | None:
    """What is wrong with a link of the document at source."""
    if re.match(r"[a-z][a-z0-9+.-]*:|//", link.target, flags=re.I):
        return "an image of elsewhere" if link.image else wrong_address(link.target)
    target, _, fragment = link.target.partition("#")
    path = source
    if target:
        path = (source.parent / urllib.parse.unquote(target)).resolve()
        if not path.is_relative_to(ROOT):
            return "it leaves the repository"
        if not path.exists() or not is_tracked(path):
            return "there is no such file"
    if path.is_dir():
        return "a directory has no lines" if fragment else None
    if not target:
        return None if fragment in document.anchors() else f"no heading #{fragment}"
    return wrong_fragment(path, fragment) if fragment else None


def wrong_links(source: Path, document: Document) -> Iterator[str]:
    for link in document.links:
        if reason := wrong(source, document, link):
            yield f"line {link.line}: {link.target}: {reason}"
