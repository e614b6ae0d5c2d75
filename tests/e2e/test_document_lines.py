"""The documents' links to lines: script/docs-lines finds what has moved and what is gone."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support.daemon import ROOT


def docs_lines(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "script" / "docs-lines"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A document that names two lines of a file beside it."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "limits.conf").write_text("# limits\nrate 20;\nburst 40;\n")
    text = "The [`rate 20`](../limits.conf#L2) and the [`burst`](../limits.conf#L3).\n"
    (tmp_path / "docs" / "one.md").write_text(text)
    return tmp_path / "docs"


def test_a_line_that_moved_is_found_and_written_anew(docs: Path) -> None:
    assert docs_lines("--check", str(docs)).returncode == 0
    path = docs.parent / "limits.conf"
    path.write_text(f"# one line more\n{path.read_text()}")
    checked = docs_lines("--check", str(docs))
    assert checked.returncode == 1 and "one.md: lines have moved" in checked.stdout
    assert docs_lines(str(docs)).returncode == 0
    text = (docs / "one.md").read_text()
    assert "[`rate 20`](../limits.conf#L3)" in text and "[`burst`](../limits.conf#L4)" in text
    assert docs_lines("--check", str(docs)).returncode == 0


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("[`rate 30`](../limits.conf#L2)", "no line"),
        ("[`t`](../limits.conf#L2)", "1, 2, 3"),
        ("[`rate`](../gone.conf#L2)", "no file ../gone.conf"),
        ("[the rate](../limits.conf#L2)", "not [`text`](file#Lnumber)"),
    ],
)
def test_a_link_that_no_number_makes_right_is_an_error(docs: Path, link: str, said: str) -> None:
    text = f"See {link}.\n"
    (docs / "two.md").write_text(text)
    for options in ((), ("--check",)):
        told = docs_lines(*options, str(docs))
        assert told.returncode == 1 and "two.md: " in told.stdout and said in told.stdout
    assert (docs / "two.md").read_text() == text


def test_what_is_no_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file.md").touch()
    for name in ("nothing", "file.md"):
        told = docs_lines("--check", str(tmp_path / name))
        assert told.returncode == 2 and "is no directory" in told.stderr


def test_documents_beside_docs_are_looked_at(tmp_path: Path) -> None:
    """In a repository of their own."""
    (tmp_path / "script").mkdir()
    script = shutil.copy(ROOT / "script" / "docs-lines", tmp_path / "script")
    (tmp_path / "README.md").write_text("The [`rate`](limits.conf#L9).\n")
    (tmp_path / "limits.conf").write_text("rate 20;\n")
    told = subprocess.run([script, "--check"], capture_output=True, text=True, timeout=60)
    assert told.returncode == 1 and "README.md: lines have moved" in told.stdout
