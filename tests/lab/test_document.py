"""docs/operations.md says nothing that is not tried here."""

from pathlib import Path

import observe
from lab import document
from support.document import texts


def test_each_command_of_the_document_is_one_that_a_test_runs() -> None:
    commands = document.commands()
    assert len(commands) > 15
    assert set(commands) - texts(Path(__file__).parent, Path(observe.__file__).parent) == set()
