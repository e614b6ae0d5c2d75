"""How the sender reads an access log: each line once, wherever its file is by then."""

import gzip
import shutil
from pathlib import Path

import pytest

from log_shipping import access
from log_shipping.access import Access
from log_shipping.record import Position
from log_shipping.shipper import load


@pytest.fixture(autouse=True)
def not_quiet_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A renamed file is over as soon as it has no more."""
    monkeypatch.setattr(access, "QUIET_S", -1.0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "bcryptd.log"


def add(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def rotate(log: Path) -> None:
    """As logrotate does: the newest rotated file is plain, the others are compressed."""
    for number in range(9, 0, -1):
        for suffix in ("", ".gz"):
            old = log.with_name(f"{log.name}.{number}{suffix}")
            if old.exists():
                old.rename(log.with_name(f"{log.name}.{number + 1}{suffix}"))
    second = log.with_name(f"{log.name}.2")
    if second.exists():
        with second.open("rb") as plain, gzip.open(f"{second}.gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
        second.unlink()
    log.rename(log.with_name(f"{log.name}.1"))
    log.touch()


def read(reader: Access) -> tuple[list[str], Position | None]:
    """What there is, and the place after it."""
    lines, position = [], None
    while (record := reader.next()) is not None:
        lines.append(record.text.decode())
        position = record.position
    return lines, position


def test_reads_what_comes(log: Path) -> None:
    reader = Access(log, None)
    assert reader.next() is None
    add(log, "a", "b")
    assert read(reader)[0] == ["a", "b"]
    add(log, "c")
    assert read(reader)[0] == ["c"]


def test_waits_for_the_end_of_a_line(log: Path) -> None:
    reader = Access(log, None)
    log.write_text("a\nhal")
    assert read(reader)[0] == ["a"]
    add(log, "f")
    assert read(reader)[0] == ["half"]


def test_reads_a_renamed_file_until_nobody_writes_to_it(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "QUIET_S", 3600.0)
    add(log, "a")
    reader = Access(log, None)
    assert read(reader)[0] == ["a"]
    rotate(log)
    add(log, "c")
    add(log.with_name("bcryptd.log.1"), "b")
    assert read(reader)[0] == ["b"]
    monkeypatch.setattr(access, "QUIET_S", -1.0)
    assert read(reader)[0] == ["c"]


@pytest.mark.parametrize("rotations", [0, 1, 2, 3])
def test_goes_on_after_a_restart(log: Path, rotations: int) -> None:
    add(log, "0a", "0b")
    first = Access(log, None)
    record = first.next()
    assert record is not None and record.text == b"0a"
    expected = ["0b"]
    for number in range(1, rotations + 1):
        rotate(log)
        add(log, f"{number}a", f"{number}b")
        expected += [f"{number}a", f"{number}b"]
    lines, position = read(Access(log, record.position))
    assert lines == expected
    assert read(Access(log, position))[0] == []


def test_a_reader_that_is_behind_reads_all_files(log: Path) -> None:
    reader = Access(log, None)
    expected = []
    for number in range(4):
        add(log, f"{number}")
        expected.append(f"{number}")
        if number == 0:
            record = reader.next()
            assert record is not None
        if number < 3:
            rotate(log)
    assert read(reader)[0] == expected[1:]


def test_begins_with_the_oldest_when_its_place_is_gone(log: Path) -> None:
    add(log, "a")
    rotate(log)
    add(log, "b")
    assert read(Access(log, {"first": "0" * 32, "offset": 2}))[0] == ["a", "b"]


@pytest.mark.parametrize("left", ["", "\0\0\0\0", '{"access": {'])
def test_begins_with_the_oldest_when_its_places_are_damaged(log: Path, left: str) -> None:
    add(log, "a")
    rotate(log)
    add(log, "b")
    places = log.with_name("places.json")
    places.write_text(left)
    reader = Access(log, load(places).get("access"))
    assert read(reader)[0] == ["a", "b"]


def test_an_emptied_file_is_read_from_its_begin(log: Path) -> None:
    add(log, "first", "second")
    reader = Access(log, None)
    read(reader)
    log.write_text("new\n")
    assert read(reader)[0] == ["new"]


def test_passes_over_empty_files(log: Path) -> None:
    add(log, "a")
    reader = Access(log, None)
    assert read(reader)[0] == ["a"]
    rotate(log)
    rotate(log)
    add(log, "b")
    assert read(reader)[0] == ["b"]


def test_estimates_what_is_left(log: Path) -> None:
    reader = Access(log, None)
    add(log, *["x" * (access.USUAL_LINE - 1)] * 10)
    assert reader.left(None) == 10
    record = reader.next()
    assert record is not None
    assert reader.left(record.position) == 9
    rotate(log)
    assert reader.left(record.position) == 9
    add(log, *["y" * (access.USUAL_LINE - 1)] * 10)
    while (record := reader.next()) is not None and record.text.startswith(b"x"):
        position = record.position
    rotate(log)
    assert log.with_name("bcryptd.log.2.gz").exists()
    assert reader.left(position) == 10
