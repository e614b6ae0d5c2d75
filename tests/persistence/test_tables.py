"""The tables and pictures of docs/persistence.md, from the figures of the repository and from made-up ones."""

import re
from typing import Any

import pytest

from figures.blocks import BLOCK
from figures.record import DIRECTORY, read
from persistence import measure, registration, tables
from persistence.kind import KIND
from support.daemon import ROOT

NAME = "persistence"


@pytest.fixture
def data() -> dict[str, Any]:
    assert (DIRECTORY / f"{NAME}.json").exists(), "script/figures persistence has never run"
    return read(NAME).data


def test_the_document_has_each_table_and_picture(data: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "persistence.md").read_text()
    assert {found["table"] for found in BLOCK.finditer(text)} == set(KIND.tables(data))
    assert KIND.pictures is not None
    assert set(re.findall(r"images/(persistence-[\w-]+\.svg)", text)) == set(KIND.pictures(data))


def test_the_same_figures_make_the_same_pictures(data: dict[str, Any]) -> None:
    assert KIND.pictures is not None
    for name, picture in KIND.pictures(data).items():
        assert picture == KIND.pictures(data)[name]
        assert (ROOT / "docs" / "images" / name).read_text() == picture


def test_what_is_above_the_default_is_bold() -> None:
    fleets = [{"fleet": "a", "maximum": 7, "surge": 3, "workers": 2}]
    assert "| a | 7 | 10 | 2 | 20 | 80 | **200** |" in tables.fleet({"fleet": fleets})
    fleets = [{"fleet": "a", "maximum": 14, "surge": 0, "workers": 7}]
    assert "| a | 14 | 14 | 7 | **98** |" in tables.fleet({"fleet": fleets})


def test_the_fleets_are_those_of_the_inventories() -> None:
    google, nomad = measure.gce_fleet("production"), measure.nomad_fleet("production")
    assert google["maximum"] > 0 and google["surge"] > 0 and google["workers"] > 0
    assert nomad["maximum"] > 0 and nomad["surge"] > 0 and nomad["workers"] > 0


def test_a_ratio_has_its_range() -> None:
    speeds = {"per_s": 1000.0, "p50_ms": 1.0, "p99_ms": 20.0, "cpu_ms": 0.1}
    ways = {way: speeds for way in registration.WAYS}
    made = tables.registration({"registration": [{"workers": 4, **ways, "ratio": [2.0, 3.0, 4.0]}]})
    rows = {line.split(" | ")[0]: line for line in made.splitlines()}
    assert rows["| PostgreSQL, synchronous"].endswith("| 3.0 (2.0 to 4.0) |")
    assert made.count("3.0") == 1


def test_retries_are_shown_by_whether_they_have_a_key() -> None:
    told = {
        "unkeyed": {"unknown": 4, "done": 3, "won": 1, "taken": 2},
        "keyed": {"unknown": 5, "done": 5, "won": 5, "taken": 0},
    }
    made = tables.retry({"retry": [{"way": "etcd", "retries": told}], "failover": []})
    assert "| etcd, answers lost | 4 | 3 | 2 | 5 | 5 | 0 |" in made
