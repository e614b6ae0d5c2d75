"""What is wanted of a resource against what Google answers: ansible/plugins/filter/gce.py."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from gce.play import ANSIBLE


def plugin() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("gce_filter", ANSIBLE / "plugins/filter/gce.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    filters: dict[str, Any] = module.FilterModule().filters()
    return filters


FILTERS = plugin()
GOOGLE = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"
OTHER_HOST = "https://compute.googleapis.com/compute/v1/projects/p/global/networks/n"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"a": 1}, {"a": 1, "filled": "in by the server"}),
        ({"size": 10}, {"size": "10"}),
        ({"target": 0.6}, {"target": "0.60"}),
        ({"network": GOOGLE}, {"network": OTHER_HOST}),
        ({"zones": ["b", "a"]}, {"zones": ["a", "b"]}),
        ({"zones": [{"zone": "b"}, {"zone": "a"}]}, {"zones": [{"zone": "a"}, {"zone": "b"}]}),
        ({"logConfig": {"enable": False}}, {}),
        ({"disabled": False, "denied": [], "text": "", "nothing": {}}, {}),
        ({"nats": [{"name": "n"}]}, {"nats": [{"name": "n", "type": "PUBLIC"}]}),
    ],
)
def test_these_are_the_same(wanted: dict[str, Any], found: dict[str, Any]) -> None:
    assert FILTERS["gce_differences"](wanted, found) == []


@pytest.mark.parametrize(
    ("wanted", "found", "paths"),
    [
        ({"a": 1}, {"a": 2}, ["a"]),
        ({"a": 1}, {}, ["a"]),
        ({"disabled": False}, {"disabled": True}, ["disabled"]),
        ({"on": True}, {"on": "true"}, ["on"]),
        ({"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"c": 1, "d": 3}}}, ["a.b.d"]),
        ({"logConfig": {"enable": True}}, {}, ["logConfig.enable"]),
        ({"ports": ["80"]}, {"ports": ["80", "443"]}, ["ports"]),
        ({"nats": []}, {"nats": [{"name": "somebody's"}]}, ["nats"]),
        ({"nats": [{"a": 1}, {"a": 2}]}, {"nats": [{"a": 1}, {"a": 9}]}, ["nats[1].a"]),
        ({"network": GOOGLE}, {"network": GOOGLE + "2"}, ["network"]),
        ({"zero": 0.0}, {"zero": 0.1}, ["zero"]),
    ],
)
def test_these_differ(wanted: dict[str, Any], found: dict[str, Any], paths: list[str]) -> None:
    assert FILTERS["gce_differences"](wanted, found) == paths


def test_a_difference_is_told_with_both_values_and_names_its_field() -> None:
    wanted, found = {"nats": [{"a": 1}]}, {"nats": [{"a": 2}]}
    assert FILTERS["gce_told"](["nats[0].a"], wanted, found) == ["nats[0].a: 2 -> 1"]
    assert FILTERS["gce_fields"](["nats[0].a", "nats[1].b", "x.y"]) == ["nats", "x"]


def test_a_hash_of_files_sees_their_content_and_their_names(tmp_path: Path) -> None:
    (tmp_path / "role").mkdir()
    (tmp_path / "role/main.yml").write_text("one")
    hashes = [FILTERS["gce_files_hash"]([str(tmp_path / "role")])]
    (tmp_path / "role/main.yml").write_text("two")
    hashes.append(FILTERS["gce_files_hash"]([str(tmp_path / "role")]))
    (tmp_path / "role/main.yml").rename(tmp_path / "role/other.yml")
    hashes.append(FILTERS["gce_files_hash"]([str(tmp_path / "role")]))
    hashes.append(FILTERS["gce_files_hash"]([str(tmp_path / "absent")]))
    assert len(set(hashes)) == 4
    assert hashes[-1] == FILTERS["gce_files_hash"]([str(tmp_path / "absent")])
