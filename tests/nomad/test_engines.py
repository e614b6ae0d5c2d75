"""script/test-nomad finds the programs that the tests run on, and says so."""

import os
import subprocess
from pathlib import Path

import pytest

from nomad import engines

SCRIPT = Path(__file__).resolve().parents[2] / "script/test-nomad"


def program(directory: Path, name: str, version: str) -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n[ $1 = version ] && printf '%s\\nBuilt today\\n' '{version}'\n")
    path.chmod(0o755)
    return path


def look(path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Its answer where PATH is that directory and the system's."""
    kept = {
        name: value for name, value in os.environ.items() if name not in engines.VARIABLES.values()
    }
    return subprocess.run(
        [str(SCRIPT), "--engines"],
        env={**kept, "PATH": f"{path}:/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_program_is_found_on_path_or_by_its_variable(tmp_path: Path) -> None:
    program(tmp_path, "nomad", "Nomad v1.6.5")
    (tmp_path / "else where").mkdir()
    other = program(tmp_path / "else where", "scaler", "Nomad Autoscaler v0.4.9-dev (abc)")
    run = look(tmp_path, NOMAD_AUTOSCALER_BIN=str(other))
    assert run.returncode == 0
    assert run.stdout.splitlines()[:2] == [
        f"nomad: {tmp_path}/nomad, version 1.6.5",
        f"nomad-autoscaler: {other}, version 0.4.9",
    ]


@pytest.mark.parametrize("name, variable", engines.VARIABLES.items())
def test_one_that_is_not_there_is_told_and_is_no_failure(
    tmp_path: Path, name: str, variable: str
) -> None:
    if any((Path(directory) / name).exists() for directory in ("/usr/bin", "/bin", "/usr/sbin")):
        pytest.skip(f"{name} is installed")
    run = look(tmp_path)
    line = f"{name}: not on PATH, and {variable} is not set: the tests that need it are skipped"
    assert run.returncode == 0 and line in run.stdout.splitlines()


def test_a_variable_that_names_no_program_is_a_failure(tmp_path: Path) -> None:
    run = look(tmp_path, CONSUL_BIN=str(tmp_path / "consul"))
    assert run.returncode == 1 and f"CONSUL_BIN is {tmp_path}/consul" in run.stderr


@pytest.mark.parametrize("version", ["v0.12.0", "v1.5.17", "v1.5.17-dev"])
def test_an_old_nomad_is_a_failure(tmp_path: Path, version: str) -> None:
    program(tmp_path, "nomad", f"Nomad {version}")
    run = look(tmp_path)
    assert run.returncode == 1 and "older than 1.6" in run.stderr


@pytest.mark.parametrize("version", ["v1.6.0", "v1.10.2", "v2.0.0"])
def test_a_newer_nomad_is_taken(tmp_path: Path, version: str) -> None:
    program(tmp_path, "nomad", f"Nomad {version}")
    assert look(tmp_path).returncode == 0


def test_a_program_without_a_version_is_a_failure(tmp_path: Path) -> None:
    program(tmp_path, "nomad", "no such command")
    run = look(tmp_path)
    assert run.returncode == 1 and "tells no version" in run.stderr


def test_a_test_gets_the_program_or_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NOMAD_BIN", raising=False)
    with pytest.raises(pytest.skip.Exception, match="NOMAD_BIN is not set"):
        engines.nomad()
    monkeypatch.setenv("NOMAD_BIN", str(tmp_path / "nomad"))
    with pytest.raises(pytest.fail.Exception, match="no program"):
        engines.nomad()
    assert program(tmp_path, "nomad", "Nomad v1.6.5") == engines.nomad()
