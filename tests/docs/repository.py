"""The pages that the site has beside docs/: what documents link of the repository, a page a file or directory."""

import html
import posixpath
import re
import subprocess
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

from docs.links import LINES
from docs.markdown import read, tracked
from support.daemon import ROOT

DOCS = "docs/"
PREFIX = "repository"
PLACE = '<div id="bcryptd-source"></div>'  # where the file is put when search has been there
PICTURES = {".png", ".svg"}
LARGEST = 200_000  # bytes of a file that is shown
# Pygments does not know these by their names.
LIKE = {".mtail": "x.awk", ".j2": "nginx.conf"}
LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s]+)(?P<after>(?:\s+\"[^\"]*\")?\))")
CODE = re.compile(r"(^```.*?^```|`+[^`]+`+)", flags=re.M | re.S)


@dataclass(frozen=True)
class Page:
    """A page that is made; `source` and `path` are of the repository and of the site's Markdown."""

    source: str
    path: str


def below(directory: str) -> Iterator[str]:
    """Names of the files and directories in a directory of the repository."""
    prefix = f"{directory}/" if directory else ""
    parts = {name[len(prefix) :].split("/")[0] for name in tracked() if name.startswith(prefix)}
    return (f"{prefix}{part}" for part in sorted(parts))


def is_text(name: str) -> bool:
    content = (ROOT / name).read_bytes()
    try:
        return len(content) <= LARGEST and "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def site_path(name: str) -> str:
    """Where a file or directory of the repository is in the site's Markdown."""
    if name.startswith(DOCS) and Path(name).suffix in PICTURES | {".md"}:
        return name.removeprefix(DOCS)
    if (ROOT / name).is_dir():
        readme = posixpath.join(name, "README.md")
        return site_path(readme) if readme in tracked() else f"{PREFIX}/{name}/index.md"
    return f"{PREFIX}/{name}" if name.endswith(".md") else f"{PREFIX}/{name}.md"


def target_of(source: str, target: str) -> str | None:
    """What a link of a document leads to in the repository, without its fragment; None for elsewhere."""
    path = target.partition("#")[0]
    if not path or re.match(r"[a-z][a-z0-9+.-]*:", path):
        return None
    name = posixpath.normpath(posixpath.join(posixpath.dirname(source), urllib.parse.unquote(path)))
    return "" if name == "." else name


def linked(source: str) -> set[str]:
    """What a file or directory leads to."""
    if (ROOT / source).is_dir():
        return {name for name in below(source) if (ROOT / name).is_dir() or is_text(name)}
    if not source.endswith(".md"):
        return set()
    targets = (target_of(source, link.target) for link in read(ROOT / source).links)
    return {target for target in targets if target is not None}


def pages(first: list[str]) -> dict[str, Page]:
    """Those that the documents need, by their paths in the site: all that is linked, and what that links."""
    found: dict[str, Page] = {}
    waiting = [name for document in first for name in linked(document)]
    waiting += [name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
    while waiting:
        name = waiting.pop()
        path = site_path(name)
        if path in found or not path.startswith(f"{PREFIX}/"):
            continue
        if (ROOT / name).is_dir() and not path.endswith("/index.md"):
            name = posixpath.join(name, "README.md")
        found[path] = Page(name, path)
        waiting += linked(name)
    return found


def stub(page: Page) -> str:
    """What mkdocs and its search read of it."""
    if page.source.endswith(".md"):
        return (ROOT / page.source).read_text()
    return f"---\ntitle: {page.source}\nhide: [toc]\n---\n\n# `{page.source}`\n\n{PLACE}\n"


def rewritten(source: str, at: str, text: str, made: Mapping[str, Page]) -> str:
    """A document with its links as they lead from its place in the site."""

    def link(found: re.Match[str]) -> str:
        target = found["target"]
        name = target_of(source, target)
        if name is None:
            return found[0]
        path = site_path(name)
        assert path in made or not path.startswith(f"{PREFIX}/"), f"{source}: no page for {target}"
        _, mark, fragment = target.partition("#")
        if lines := LINES.fullmatch(fragment):
            fragment = f"L{lines[1]}"
        to = posixpath.relpath(path, posixpath.dirname(at) or ".")
        return f"{found['before']}{to}{mark}{fragment}{found['after']}"

    parts = CODE.split(text)
    return "".join(
        part if number % 2 else LINK.sub(link, part) for number, part in enumerate(parts)
    )


def lexer_of(name: str, text: str) -> Any:
    path = Path(name)
    try:
        return get_lexer_for_filename(LIKE.get(path.suffix, path.name), stripnl=False)
    except ClassNotFound:
        first = text.partition("\n")[0]
        if first.startswith("#!"):
            return get_lexer_by_name("python" if "python" in first else "bash", stripnl=False)
        return TextLexer(stripnl=False)


def numbered(name: str) -> str:
    """A file's lines with their numbers, each with the id that GitHub gives it."""
    text = (ROOT / name).read_text()
    colored = str(highlight(text, lexer_of(name, text), HtmlFormatter(nowrap=True)))
    lines = colored.removesuffix("\n").split("\n")
    rows = "\n".join(
        f'<span class="line" id="L{number}"><a class="number" href="#L{number}">{number}</a>{line}</span>'
        for number, line in enumerate(lines, 1)
    )
    return f'<div class="highlight source"><pre><code>{rows}\n</code></pre></div>'


def manual(name: str) -> str:
    command = ["mandoc", "-T", "html", "-O", "fragment", name]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return f'<div class="manual">{done.stdout}</div>'


def listing(name: str, at: str, made: Mapping[str, Page]) -> str:
    """A directory's content; what has no page is named only."""
    rows = []
    for each in below(name):
        path = site_path(each)
        shown = html.escape(posixpath.basename(each) + ("/" if (ROOT / each).is_dir() else ""))
        if path in made or path.endswith(".md") and path.removeprefix(DOCS) == path:
            to = posixpath.relpath(address(path), posixpath.dirname(address(at)) or ".")
            shown = f'<a href="{html.escape(to)}">{shown}</a>'
        rows.append(f"<li>{shown}</li>")
    return f"<ul>{''.join(rows)}</ul>"


def address(path: str) -> str:
    """The file that the site has for a page, where each page is a directory."""
    base, name = posixpath.split(path.removesuffix(".md"))
    return posixpath.join(base, *([] if name in ("index", "README") else [name]), "index.html")


def content(page: Page, made: Mapping[str, Page]) -> str:
    if (ROOT / page.source).is_dir():
        return listing(page.source, page.path, made)
    if re.fullmatch(r".*\.[1-8]", page.source):
        return manual(page.source)
    return numbered(page.source)


def documents() -> list[str]:
    return [name for name in tracked() if name.startswith(DOCS) and name.endswith(".md")]
