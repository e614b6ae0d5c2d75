"""docs/operations.md says nothing that is not tried here."""

import ast
from pathlib import Path

from lab import document


def texts_of_the_tests() -> set[str]:
    trees = [ast.parse(path.read_text()) for path in Path(__file__).parent.glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_each_command_of_the_document_is_one_that_a_test_runs() -> None:
    commands = document.commands()
    assert len(commands) > 15
    assert set(commands) - texts_of_the_tests() == set()
