"""A document in Markdown as GitHub reads it."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from support.daemon import ROOT

NOT_IN_ANCHOR = re.compile(r"[^\w\- ]")
HTML_ANCHOR = re.compile(r"<a\s[^>]*?(?:id|name)=\"([^\"]+)\"")


@dataclass(frozen=True)
class Link:
    target: str
    line: int
    image: bool = False


@dataclass(frozen=True)
class Heading:
    text: str
    line: int
    anchor: str


@dataclass(frozen=True)
class Fence:
    """A block of code; one that is indented has no language."""

    language: str
    content: str
    line: int
    indented: bool


@dataclass
class Document:
    """Lines count from 1."""

    text: str
    links: list[Link] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    fences: list[Fence] = field(default_factory=list)
    codes: list[tuple[str, int]] = field(default_factory=list)
    html_anchors: list[str] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)

    def anchors(self) -> set[str]:
        return {heading.anchor for heading in self.headings} | set(self.html_anchors)


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading's text."""
    return NOT_IN_ANCHOR.sub("", heading.strip().lower()).replace(" ", "-")


def plain(token: Token) -> str:
    """The text of a heading, without marks and targets."""
    parts = (
        child.content for child in token.children or [] if child.type in ("text", "code_inline")
    )
    return "".join(parts)


def unique(name: str, seen: dict[str, int]) -> str:
    """A heading that comes again gets a number."""
    number = seen.get(name)
    seen[name] = 0 if number is None else number + 1
    return name if number is None else f"{name}-{number + 1}"


def parse(text: str) -> Document:
    document = Document(text)
    document.tokens = MarkdownIt("commonmark").enable("table").parse(text)
    seen: dict[str, int] = {}
    line = 1
    for before, token in zip([None, *document.tokens], document.tokens):
        line = token.map[0] + 1 if token.map else line
        if token.type in ("fence", "code_block"):
            indented = token.type == "code_block"
            document.fences.append(Fence(token.info.strip(), token.content, line, indented))
        elif token.type == "html_block":
            document.html_anchors += HTML_ANCHOR.findall(token.content)
        elif token.type == "inline":
            read_inline(document, token, line)
            if before is not None and before.type == "heading_open":
                name = unique(anchor(plain(token)), seen)
                document.headings.append(Heading(plain(token), line, name))
    return document


def read_inline(document: Document, token: Token, line: int) -> None:
    for child in token.children or []:
        if child.type == "link_open":
            document.links.append(Link(str(child.attrGet("href")), line))
        elif child.type == "image":
            document.links.append(Link(str(child.attrGet("src")), line, True))
        elif child.type == "code_inline":
            document.codes.append((child.content, line))
        elif child.type == "html_inline":
            document.html_anchors += HTML_ANCHOR.findall(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            line += 1


@cache
def tracked() -> tuple[str, ...]:
    """The repository's files, those that are not committed yet as well."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    return tuple(sorted(name for name in set(output.split("\0")) if (ROOT / name).is_file()))


@cache
def read(path: Path) -> Document:
    return parse(path.read_text())


def documents() -> Iterator[Path]:
    """All of the repository's documents."""
    return (ROOT / name for name in tracked() if name.endswith(".md"))
