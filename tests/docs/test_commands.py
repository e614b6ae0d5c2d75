"""Each command of a document is run by a test, or says why not."""

import re
from pathlib import Path

import pytest

from docs import register, shell
from docs.markdown import documents, read
from support.daemon import ROOT
from support.document import NOT_RUN, blocks, commands

LANGUAGES = {"sh", "console", "promql", "yaml", "json", "ini", "hcl", "c", "text", "nginx", "sql"}
# Without a language there are drawings of text.
DRAWING = re.compile(r"[─│┌┐└┘├┤▶◀┃]")
NAMES = [path.relative_to(ROOT).as_posix() for path in documents()]
WITH_COMMANDS = [name for name in NAMES if commands((ROOT / name).read_text())]


def text(name: str) -> str:
    return (ROOT / name).read_text()


def test_there_are_commands() -> None:
    assert len(WITH_COMMANDS) > 25


def test_the_register_has_no_other_documents() -> None:
    assert set(register.DOCUMENTS) - set(WITH_COMMANDS) == set()


@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_each_command_is_run(name: str) -> None:
    """Otherwise: let a suite of tests/docs/register.py run it, or put `<!-- not run: reason -->` before its block."""
    run = {command for suite in register.suites(name) for command in suite.commands()}
    assert [command for command in commands(text(name)) if command not in run] == []


@pytest.mark.parametrize("name", register.DOCUMENTS)
def test_each_suite_of_a_document_runs_something_of_it(name: str) -> None:
    wanted = set(commands(text(name)))
    for suite in register.suites(name):
        assert (ROOT / suite.path).is_file(), suite.path
        assert wanted & set(suite.commands()), f"{suite.path} runs nothing of {name}"


@pytest.mark.parametrize("name", NAMES)
def test_commands_are_in_blocks_of_sh(name: str) -> None:
    for fence in read(ROOT / name).fences:
        if DRAWING.search(fence.content):
            continue
        assert not fence.indented, f"line {fence.line}: indented code"
        assert fence.language in LANGUAGES, f"line {fence.line}: language '{fence.language}'"


@pytest.mark.parametrize("name", NAMES)
def test_expressions_of_prometheus_are_where_a_test_asks_them(name: str) -> None:
    """tests/monitoring asks those of observability.md of a Prometheus, and has promtool read those of the runbooks."""
    if any(fence.language == "promql" for fence in read(ROOT / name).fences):
        assert name == "docs/observability.md" or name.startswith("docs/runbooks/")


@pytest.mark.parametrize("name", NAMES)
def test_each_mark_has_a_reason_and_a_block(name: str) -> None:
    marked = [block for block in blocks(text(name)) if block.reason]
    assert len(marked) == text(name).count(f"\n{NOT_RUN}")
    assert all(len(block.reason.split()) >= 2 for block in marked)


@pytest.mark.parametrize("name", NAMES)
def test_bash_reads_each_block(name: str) -> None:
    assert [shell.wrong_syntax(block.script) for block in blocks(text(name))] == [""] * len(
        blocks(text(name))
    )


@pytest.mark.parametrize("name", NAMES)
def test_programs_and_files_that_a_command_names_are_there(name: str) -> None:
    """Of those that are not run, too."""
    found = [
        wrong
        for block in blocks(text(name))
        for line in commands(f"```sh\n{block.script}```\n")
        for wrong in [*shell.wrong_options(line), *shell.wrong_play(line)]
    ]
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_files_that_a_sentence_names_are_there(name: str) -> None:
    path = ROOT / name
    codes = read(path).codes
    assert [x for code, _ in codes for x in shell.wrong_names(code, Path(path).parent)] == []
