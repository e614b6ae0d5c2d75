"""Tables of documents: filled from figures, and found when they differ."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from figures import blocks, kinds
from figures.record import Kind, Record, read
from support.daemon import ROOT

MACHINE = {"CPU": "2 × Some CPU", "memory": "4 GiB", "system": "Debian 12", "nginx": "1"}
RECORD = Record("speed", "2026-01-31", False, MACHINE, {"value": 7})
KINDS = {"speed": Kind("a speed", lambda _: {}, lambda data: {"one": f"| {data['value']} |\n"})}
EMPTY = "Before.\n<!-- measured: speed one -->\n<!-- end of measured -->\nAfter.\n"


def test_a_table_says_by_what_it_was_made_when_and_where() -> None:
    text = blocks.filled(EMPTY, {"speed": RECORD}, KINDS)
    assert text.startswith("Before.\n<!-- measured: speed one -->\n\n| 7 |\n\n")
    assert "*`script/figures speed`, 2026-01-31, on 2 × Some CPU, 4 GiB, Debian 12.*" in text
    assert text.endswith("<!-- end of measured -->\nAfter.\n")


def test_a_table_is_written_again_and_stays_as_it_is() -> None:
    once = blocks.filled(EMPTY, {"speed": RECORD}, KINDS)
    assert blocks.filled(once, {"speed": RECORD}, KINDS) == once
    later = replace(RECORD, data={"value": 8})
    assert blocks.filled(once, {"speed": later}, KINDS) == once.replace("| 7 |", "| 8 |")


def test_a_short_trial_says_so() -> None:
    short = replace(RECORD, quick=True)
    assert "not to be relied on" in blocks.filled(EMPTY, {"speed": short}, KINDS)


def test_a_table_that_there_is_not_is_an_error() -> None:
    with pytest.raises(KeyError):
        blocks.filled(EMPTY.replace("speed one", "speed two"), {"speed": RECORD}, KINDS)


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(blocks, "ROOT", tmp_path)
    return tmp_path / "docs" / "page.md"


def test_what_differs_and_what_was_never_measured_is_told(document: Path) -> None:
    document.write_text(EMPTY)
    assert blocks.wrong({}, KINDS) == ["page.md: 'speed' was never measured"]
    assert len(blocks.wrong({"speed": RECORD}, KINDS)) == 1
    document.write_text(blocks.filled(EMPTY, {"speed": RECORD}, KINDS))
    assert blocks.wrong({"speed": RECORD}, KINDS) == []


def test_the_command_names_each_measurement() -> None:
    command = [str(ROOT / "script" / "figures"), "--help"]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert set(re.findall(r"^  ([a-z]+) {2,}", told, re.M)) == set(kinds.KINDS)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert RECORD.write(tmp_path) == tmp_path / "speed.json"
    assert read("speed", tmp_path) == RECORD


def test_a_table_that_there_is_not_is_told(document: Path) -> None:
    document.write_text(EMPTY.replace("speed one", "speed two"))
    assert blocks.wrong({"speed": RECORD}, KINDS) == ["page.md: there is no table 'speed two'"]
