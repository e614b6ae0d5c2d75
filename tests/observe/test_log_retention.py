"""What the log host keeps of its files, and for how long."""

import gzip
import os
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

from support.daemon import ROOT

PROGRAM = ROOT / "ansible/roles/log_server/files/bcryptd-log-retention"
NOW = datetime.now(timezone.utc)
KEEP_DAYS = 10


def day(ago: int) -> str:
    return f"{NOW - timedelta(days=ago):%Y-%m-%d}"


def write(store: Path, name: str, text: bytes = b"{}\n", hours_ago: float = 2) -> Path:
    path = store / "web1" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    written = (NOW - timedelta(hours=hours_ago)).timestamp()
    os.utime(path, (written, written))
    return path


def keep(store: Path, max_mb: int = 1000, path: str = os.environ["PATH"]) -> int:
    command = [str(PROGRAM), str(store), str(KEEP_DAYS), str(max_mb)]
    env = {**os.environ, "TZ": "UTC", "PATH": path}
    return subprocess.run(command, env=env, check=False).returncode


def names(store: Path) -> list[str]:
    return sorted(path.name for path in (store / "web1").iterdir())


def test_past_days_are_compressed_and_old_ones_deleted(tmp_path: Path) -> None:
    write(tmp_path, f"{day(0)}.access.jsonl")
    write(tmp_path, f"{day(1)}.access.jsonl", b"past\n")
    write(tmp_path, f"{day(1)}.service.jsonl", hours_ago=0)
    write(tmp_path, f".{day(1)}.access.jsonl.gz.new")
    write(tmp_path, f"{day(KEEP_DAYS)}.access.jsonl.gz")
    write(tmp_path, f"{day(KEEP_DAYS + 1)}.access.jsonl.gz")
    assert keep(tmp_path) == 0
    assert names(tmp_path) == [
        f"{day(KEEP_DAYS)}.access.jsonl.gz",
        f"{day(1)}.access.jsonl.gz",
        f"{day(1)}.service.jsonl",
        f"{day(0)}.access.jsonl",
    ]
    packed = tmp_path / "web1" / f"{day(1)}.access.jsonl.gz"
    assert gzip.decompress(packed.read_bytes()) == b"past\n"


def test_the_oldest_go_when_all_take_too_much(tmp_path: Path) -> None:
    noise = os.urandom(800_000)
    for ago in (3, 2, 1):
        write(tmp_path, f"{day(ago)}.access.jsonl.gz", noise)
    assert keep(tmp_path, max_mb=2) == 0
    assert names(tmp_path) == [f"{day(2)}.access.jsonl.gz", f"{day(1)}.access.jsonl.gz"]


def test_room_is_made_on_a_disk_that_has_none_for_a_compressed_file(tmp_path: Path) -> None:
    store, programs = tmp_path / "store", tmp_path / "programs"
    store.mkdir()
    programs.mkdir()
    full = programs / "gzip"
    full.write_text("#!/bin/sh\nexit 1\n")
    full.chmod(0o755)
    write(store, f"{day(2)}.access.jsonl", os.urandom(1_500_000))
    write(store, f"{day(1)}.access.jsonl")
    assert keep(store, max_mb=1, path=f"{programs}:{os.environ['PATH']}") != 0
    assert names(store) == [f"{day(1)}.access.jsonl"]
