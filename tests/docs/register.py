"""Who runs the commands of each document. A command that nobody runs stands in a block after a comment with the
reason, `<!-- not run: … -->`; test_commands.py says where one is neither."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import gce.documented
import image.test_document
import lab.test_by_hand
import monitoring.test_document
import observe.runbooks
import observe.test_logs
from docs import here
from support.daemon import ROOT
from support.document import texts


@dataclass(frozen=True)
class Suite:
    """A file of tests, and the commands that it runs as the documents have them."""

    path: str
    commands: Callable[[], Collection[str]]


def by_text(path: str) -> Suite:
    """Each test of the directory takes a command by its text, and fails where the document does not have it."""
    return Suite(path, lambda: texts((ROOT / path).parent))


def by_words(path: str, words: Mapping[str, str]) -> Suite:
    """In other words, which the file has."""

    def commands() -> Collection[str]:
        text = (ROOT / path).read_text()
        return [command for command, said in words.items() if said in text]

    return Suite(path, commands)


GCE = Suite("tests/gce/test_document.py", lambda: gce.documented.LINES)
BY_HAND = Suite("tests/lab/test_by_hand.py", lab.test_by_hand.commands)
LAB = by_text("tests/lab/test_document.py")
OBSERVED = by_text("tests/observe/test_monitoring.py")
HERE = Suite("tests/docs/test_here.py", here.commands)
RUNBOOKS = Suite("tests/observe/test_monitoring.py", observe.runbooks.of_others)
RUNBOOKS_OF_LOGS = Suite("tests/observe/test_logs.py", observe.runbooks.of_logs)

DOCUMENTS: dict[str, list[Suite]] = {
    "README.md": [HERE],
    "docs/capacity.md": [HERE],
    "docs/configuration.md": [BY_HAND],
    "docs/index.md": [HERE],
    "docs/docker.md": [Suite("tests/image/test_document.py", lambda: image.test_document.COMMANDS)],
    "docs/gce.md": [
        GCE,
        HERE,
        by_text("tests/gce/test_image.py"),
        by_words(
            "tests/gce/test_double.py",
            {
                "(cd tests && python3 -m gce --image debian-cloud/debian-12)": (
                    '"-m", "gce", "--image", "debian-cloud/debian-12"]'
                )
            },
        ),
        by_words(
            "script/test",
            {
                "npm ci --prefix tests/gce --ignore-scripts": "npm ci --prefix tests/gce --ignore-scripts"
            },
        ),
    ],
    "docs/logging.md": [
        BY_HAND,
        Suite("tests/observe/test_logs.py", observe.test_logs.all_commands),
    ],
    "docs/nomad.md": [by_text("tests/nomad/consul/test_document.py"), HERE],
    "docs/observability.md": [
        Suite("tests/monitoring/test_document.py", lambda: monitoring.test_document.COMMANDS)
    ],
    "docs/operations.md": [LAB, OBSERVED, BY_HAND, HERE],
    "docs/scaling.md": [GCE, by_text("tests/gce/test_simulate.py"), HERE],
}


def suites(document: str) -> list[Suite]:
    """All runbooks have the same ones."""
    if Path(document).parent == Path("docs/runbooks"):
        return [RUNBOOKS, RUNBOOKS_OF_LOGS]
    return DOCUMENTS.get(document, [])
