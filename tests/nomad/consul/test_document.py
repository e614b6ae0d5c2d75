"""The chapter about Consul says nothing that is not tried here."""

from pathlib import Path

from nomad.consul.agents import commands
from support.document import texts


def test_each_command_of_the_chapter_is_one_that_a_test_runs() -> None:
    assert len(commands()) > 8
    assert set(commands()) - texts(Path(__file__).parent) == set()
