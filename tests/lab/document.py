"""The commands of docs/operations.md. A test that runs one takes it from there by its text, so what
the document says is what is tested."""

from collections.abc import Mapping

import support.document
from support.daemon import ROOT

DOCUMENT = ROOT / "docs" / "operations.md"
CHAPTER = "Deploy it with Ansible"


def commands(chapter: str = CHAPTER) -> list[str]:
    """Those of the chapter about Ansible, or of another one, without their comments."""
    return support.document.commands(support.document.chapter(DOCUMENT.read_text(), chapter))


def command(line: str, values: Mapping[str, str] | None = None) -> str:
    """A line of the document, with values in place of its words (HOST, /path/of/the.deb)."""
    assert line in commands(), f"docs/operations.md has no command '{line}'"
    for name, value in (values or {}).items():
        assert name in line, name
        line = line.replace(name, value)
    return line
