"""The files below nomad/, without Nomad: their syntax, their names, and what they say of the rest of the project."""

import re

import pytest

from nomad import project
from nomad.checker import unknown_names
from nomad.hcl import Document, parse_all
from nomad.project import document, files, kind, rules
from nomad.variables import differing

EXAMPLE = re.compile(r"^```hcl\n(.*?)^```", re.M | re.S)
CASES = [(name, rule) for name in files() for rule in rules(kind(name) or "")]


@pytest.mark.parametrize("name", files())
def test_each_file_is_of_a_kind_that_is_checked(name: str) -> None:
    assert kind(name) is not None


@pytest.mark.parametrize("name", files())
def test_each_file_is_hcl(name: str) -> None:
    assert document(name).tree


@pytest.mark.parametrize("name, rule", CASES)
def test_nothing_is_wrong_with(name: str, rule: str) -> None:
    assert rules(kind(name) or "")[rule](document(name)) == []


def test_staging_has_a_value_for_what_production_has_one_for() -> None:
    """What is tried in staging is what runs in production, so a variable is given in both or in neither."""
    staging, production = (document(f"vars/{name}.hcl") for name in ("staging", "production"))
    assert staging.tree.keys() == production.tree.keys()


def test_a_variable_of_both_jobs_has_one_form() -> None:
    assert differing(document("bcryptd.nomad.hcl"), document("load-balancer.nomad.hcl")) == []


def test_the_examples_of_the_manual_are_agents_configurations() -> None:
    examples = EXAMPLE.findall((project.ROOT / "docs/nomad.md").read_text())
    assert examples
    for example in parse_all({f"example {i}": text for i, text in enumerate(examples)}).values():
        assert isinstance(example, Document)
        assert unknown_names(example, "agent") == []
