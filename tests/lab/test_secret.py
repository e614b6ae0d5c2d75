"""The marked password of the end-to-end tests, on deployed hosts: it stays nowhere on them."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lab.client import service
from lab.host import Host
from lab.playbook import Inventory, settings
from support import marked, memory
from support.stack import children
from support.waiting import eventually

# In memory only, so not among the files that a host has written to its disk.
VOLATILE = ("run", "tmp", "dev/shm")
# As its readers get it; on disk it may be compressed.
JOURNAL = "journalctl --output=export --all --no-pager"


@pytest.fixture(scope="module", params=[0, 1], ids=["web1", "web2"])
def host(request: pytest.FixtureRequest, deployed: Inventory, web: list[Host]) -> Iterator[Host]:
    """A host whose log tells all it can, and that computes each hash in both ways."""
    chosen = web[request.param]
    told = settings(log_level="debug", cross_check_every=1)
    limit = f"--limit={chosen.name}"
    deployed.play("site.yml", limit, "--tags=bcryptd,nginx", bcryptd_settings=told)
    yield chosen
    deployed.play("site.yml", limit, "--tags=bcryptd,nginx")


def written_files(host: Host) -> list[Path]:
    """All that the host has written since Debian delivered it, on disk or in memory."""
    roots = [host.directory / "upper"]
    roots += [Path(f"/proc/{host.leader()}/root") / name for name in VOLATILE]
    # os.walk() passes over directories that are gone meanwhile.
    walks = (step for root in roots for step in os.walk(root))
    paths = [Path(directory) / name for directory, _, names in walks for name in names]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def places(host: Host, deployed: Inventory, mark: str) -> list[str]:
    """Where the mark stands: files, the journal, Ansible's output, command lines, memory."""
    forms = (mark.encode(), marked.as_escapes(mark))
    journal = host.shell(JOURNAL).encode()
    files = written_files(host) + deployed.logs()
    found = []
    for form in forms:
        found += [str(path) for path in memory.files_with(files, form)]
        found += [str(path) for path in memory.command_lines_with(form)]
        found += ["journal"] if memory.pattern(form).search(journal) else []
    leader = host.leader()
    assert leader is not None
    searched = set()
    for pid in [leader, *children(leader)]:
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            for form in (*forms, marked.as_key(mark)):
                regions = memory.regions_with(pid, form)
                found += [f"memory of {name}: {region}" for region in regions]
        except (FileNotFoundError, ProcessLookupError):
            continue  # has ended, and its memory with it: a host's timers start and end programs
        searched.add(name)
    assert searched >= {"bcryptd", "nginx"}
    return found


def kill(host: Host, signal: str, pid: int) -> None:
    host.run("kill", f"-{signal}", str(pid))


def test_the_password_stays_nowhere_on_a_host(deployed: Inventory, host: Host) -> None:
    mark = marked.new_mark()
    deployed_there = service(host.address)
    marked.succeed(deployed_there, mark)
    marked.fail_in_every_way(deployed_there, mark)
    marked.be_refused_for_overload(deployed_there, mark)
    # SIGSEGV would leave a core where one is allowed.
    for signal in ("KILL", "SEGV"):
        marked.leave_and_kill(deployed_there, mark, partial(kill, host, signal))
    deployed.play("site.yml", f"--limit={host.name}", "--check", "--diff", "-vvv")
    marked.wait_until_idle(deployed_there)
    log = host.shell("cat /var/log/nginx/bcryptd.log")
    for status in (503, 499):
        assert f'"http.response.status_code":{status},' in log
    assert '"http.route":"/gethash/{password}"' in log
    assert host.shell("journalctl -u bcryptd.service BCRYPTD_EVENT=child_exit") != ""
    assert places(host, deployed, mark) == []


def test_the_search_finds_what_is_there(deployed: Inventory, host: Host) -> None:
    mark = marked.new_mark()
    host.run("sh", "-c", "cat >/var/log/nginx/note", stdin=mark)
    host.run("sh", "-c", "cat >/run/note", stdin=f"{mark}")
    host.run("logger", "-t", "note", stdin=mark)
    eventually("in the journal", lambda: "journal" in places(host, deployed, mark))
    found = " ".join(places(host, deployed, mark))
    assert "upper/var/log/nginx/note" in found and "run/note" in found
    host.shell("rm /var/log/nginx/note /run/note")
