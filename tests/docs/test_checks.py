"""What the tests of this directory find, tried on faults."""

import pytest

from docs import register, shell
from docs.dialect import adapted
from docs.markdown import parse
from support.daemon import ROOT
from support.document import blocks, chapter, commands

TEXT = """# Title

## One

```sh
first --option value   # what it is for
second \\
    --more
cat <<END | third
  body   # no comment
END
```

<!-- not run: a reason -->
```sh
never
```

```console
$ shown
```

## Two
"""


def test_commands_of_a_document() -> None:
    assert commands(TEXT) == [
        "first --option value",
        "second --more",
        "cat <<END | third\n  body   # no comment\nEND",
    ]
    assert [block.reason for block in blocks(TEXT)] == ["", "a reason"]
    assert commands(chapter(TEXT, "Two")) == []


def test_a_mark_that_is_not_just_before_its_block_is_none() -> None:
    assert [block.reason for block in blocks(TEXT.replace("-->\n", "-->\n\n"))] == ["", ""]


@pytest.mark.parametrize(
    "suite", [suite for name in register.DOCUMENTS for suite in register.suites(name)]
)
def test_no_suite_runs_a_command_that_is_not_there(suite: register.Suite) -> None:
    assert "sudo no-such-command --of HOST" not in suite.commands()
    assert (ROOT / suite.path).is_file()


def test_a_document_that_nobody_knows_has_no_suite() -> None:
    assert register.suites("docs/nothing.md") == []


def test_what_is_no_shell_is_found() -> None:
    assert "unexpected" in shell.wrong_syntax("for x in; do\n")
    assert shell.wrong_syntax("cat <<END | wc\nEND\n") == ""


@pytest.mark.parametrize(
    "line, found",
    [
        ("script/bench speed --rounds 3", []),
        ("../script/package", []),
        ("script/bench --no-such", ["script/bench --help has no --no-such"]),
        ("script/bench no-such-part", ["script/bench --help has no no-such-part"]),
        ("script/no-such", ["there is no script/no-such"]),
        ("other/no-such --option", []),
    ],
)
def test_wrong_options(line: str, found: list[str]) -> None:
    assert list(shell.wrong_options(line)) == found


def test_wrong_playbooks() -> None:
    line = "ansible-playbook -i inventories/production playbooks/nothing.yml -e x=y"
    assert list(shell.wrong_play(line)) == ["there is no ansible/playbooks/nothing.yml"]
    assert list(shell.wrong_play("playbooks/nothing.yml")) == []


@pytest.mark.parametrize(
    "code, found",
    [
        ("script/bench --help", []),
        ("nginx/*.conf", []),
        ("ansible/inventories/{staging,production}", []),
        ("ansible/inventories/{staging,moon}", ["there is no ansible/inventories/{staging,moon}"]),
        ("script/no-such", ["there is no script/no-such"]),
        ("/etc/nginx/nothing", []),
        ("nginx/nothing.conf", ["there is no nginx/nothing.conf"]),
    ],
)
def test_wrong_names(code: str, found: list[str]) -> None:
    assert list(shell.wrong_names(code, ROOT / "docs")) == found


def test_a_document_for_the_site() -> None:
    text = "# A `b`\ntext:\n- one\n- two\n\n<!-- c -->\n| a |\n|---|\n| `x\\|y` \\| z |\n"
    assert adapted(text) == (
        "# A `b` {: #a-b }\ntext:\n\n- one\n- two\n\n<!-- c -->\n\n| a |\n|---|\n| `x|y` \\| z |\n"
    )


def test_parts_of_a_document() -> None:
    document = parse(TEXT + "\n    indented\n\n# One\n")
    assert [fence.indented for fence in document.fences] == [False, False, False, True]
    assert [heading.anchor for heading in document.headings] == ["title", "one", "two", "one-1"]
