"""The commands of docs/gce.md and docs/scaling.md that test_document.py runs."""

from support.daemon import ROOT
from support.document import commands

LINES = [
    line
    for document in ("gce.md", "scaling.md")
    for line in commands((ROOT / "docs" / document).read_text())
    if line.startswith("ansible-")
]
UNIQUE = sorted(set(line.removesuffix(" --check") for line in LINES))
