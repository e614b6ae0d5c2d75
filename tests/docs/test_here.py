"""Commands of the documents, run where they ask for no host or cloud; register.py names those of other tests."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs import here
from docs.markdown import tracked
from support.daemon import ROOT
from support.stack import Stack

DEFAULT_COST = {"BCRYPTD_COST": "12", "BCRYPTD_MIN_COST": "10"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """script/server, with ports that nobody else has."""
    with Stack(**DEFAULT_COST) as running:
        yield running


def bash(line: str, directory: Path) -> str:
    command = ["bash", "-euo", "pipefail", "-c", line]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (line, done.stdout, done.stderr)
    return done.stdout


@pytest.mark.parametrize("line", [here.SERVER, here.SECOND])
def test_the_server_is_started_with_these_variables(stack: Stack, line: str) -> None:
    *variables, program = line.split()
    assert program == "script/server" and stack.is_ready()
    assert {variable.partition("=")[0] for variable in variables} <= set(stack.settings)


@pytest.mark.parametrize("line, shown", here.console())
def test_the_readme_shows_what_is_answered(stack: Stack, line: str, shown: str) -> None:
    ports = {"8000": stack.http_port, "8443": stack.https_port, "9180": stack.internal_port}
    for theirs, ours in ports.items():
        line = line.replace(f":{theirs}/", f":{ours}/")
    assert any(f":{port}/" in line for port in ports.values())
    answered = bash(f"{line} --silent", ROOT)
    assert here.shape(answered) == here.shape(shown)


def test_the_readme_shows_each_kind_of_request() -> None:
    assert len(here.console()) >= 4


@pytest.mark.parametrize("line", here.exports())
def test_an_exported_variable_is_read_by_something(line: str, tmp_path: Path) -> None:
    bash(f"set -u; {line}", tmp_path)
    names = re.findall(r"([A-Z][A-Z0-9_]+)=", line)
    assert names
    sources = [
        (ROOT / name).read_text()
        for name in tracked()
        if name.startswith(("ansible/", "nomad/")) and Path(name).suffix in (".yml", ".py", ".j2")
    ]
    for name in names:
        assert any(name in source for source in sources), name


def test_a_certificate_to_deploy_by_is_signed(tmp_path: Path) -> None:
    script = Path("roles/internal_tls/files/authority")
    (tmp_path / script.parent).mkdir(parents=True)
    shutil.copy(ROOT / "ansible" / script, tmp_path / script)
    bash(f"{script} make inventories/staging/internal-tls 30", tmp_path)
    for line in here.SIGNING:
        bash(line, tmp_path)
    assert "OK" in bash("openssl verify -CAfile ca.pem deploy.pem", tmp_path)


def test_help(tmp_path: Path) -> None:
    program, option = here.HELP.split()
    assert bash(f"{ROOT / program} {option}", tmp_path).startswith("usage:")


@pytest.mark.parametrize("line", here.capacities())
def test_a_capacity_is_computed(line: str) -> None:
    assert "a million hashes" in bash(line, ROOT) or line.endswith("--help")
