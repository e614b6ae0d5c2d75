"""The commands of a document in Markdown."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

# Stands before a block that no test can run, with the reason.
NOT_RUN = "<!-- not run:"
BLOCK = re.compile(rf"^(?:{NOT_RUN} *([^\n]*?) *-->\n)?```sh\n(.*?)^```", flags=re.M | re.S)
HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)")


@dataclass(frozen=True)
class Block:
    """A block of shell. `reason` is empty where a test has to run it."""

    script: str
    reason: str


def blocks(text: str) -> list[Block]:
    return [Block(found[2], found[1] or "") for found in BLOCK.finditer(text)]


def commands(text: str) -> list[str]:
    """Those of its sh blocks, each as one line without its comment; one with a here-document has that after it."""
    found = []
    for block in blocks(text):
        if not block.reason:
            found += commands_of(block.script)
    return found


def commands_of(script: str) -> list[str]:
    found = []
    lines = iter(script.replace("\\\n", " ").splitlines())
    for line in lines:
        bare = " ".join(re.sub(r"(^|\s+)# .*", "", line).split())
        if end := HEREDOC.search(bare):
            body = []
            for line in lines:
                body.append(line)
                if line == end[1]:
                    break
            bare = "\n".join([bare, *body])
        if bare:
            found.append(bare)
    return found


def chapter(text: str, heading: str) -> str:
    """What stands below a heading of the second level."""
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, f"no chapter '{heading}'"
    return re.split(r"^## ", rest, flags=re.M)[0]


def texts(*directories: Path) -> set[str]:
    """All strings of the tests in these directories."""
    paths = [path for directory in directories for path in directory.glob("*.py")]
    trees = [ast.parse(path.read_text()) for path in paths]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
