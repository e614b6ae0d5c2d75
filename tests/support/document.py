"""The commands of a document in Markdown."""

import ast
import re
from pathlib import Path

# Stands before a block that no test can run, with the reason.
NOT_RUN = "<!-- not run:"


def commands(text: str) -> list[str]:
    """Those of its sh blocks, each as one line without its comment."""
    blocks = re.findall(rf"^({NOT_RUN}[^\n]*\n)?```sh\n(.*?)^```", text, flags=re.M | re.S)
    run = "".join(block for reason, block in blocks if not reason)
    lines = run.replace("\\\n", " ").splitlines()
    bare = (re.sub(r"\s+# .*", "", line).strip() for line in lines)
    return [" ".join(line.split()) for line in bare if line]


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
