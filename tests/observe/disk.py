"""A file system of its own for a place of a host: the hosts' own one is an overlay, which no alert is about."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.command import run
from lab.host import Host

SIZE_MB = 2048  # of a file with holes


def loop_device(directory: Path) -> str:
    """With an empty ext4; where the kernel gives none, it is a CommandError."""
    image = directory / "disk.img"
    with image.open("wb") as file:
        file.truncate(SIZE_MB << 20)
    run("mkfs.ext4", "-q", "-m", "0", str(image))
    return run("losetup", "--find", "--show", str(image)).stdout.strip()


@contextmanager
def own_disk(host: Host, device: str, place: str) -> Iterator[None]:
    try:
        number = os.stat(device).st_rdev
        node = f"mknod {device} b {os.major(number)} {os.minor(number)}"
        host.shell(f"{node} && mkdir --parents {place} && mount -t ext4 {device} {place}")
    finally:
        # It ends with the last program that has a file there, at the latest with the host.
        run("losetup", "--detach", device)
    yield
    host.shell(f"umount --lazy {place}")


def fill(host: Host, place: str, share: float, spare: int) -> None:
    """Until a share of its size is free, and so many bytes more."""
    size, free = map(int, host.shell(f"df -B1 --output=size,avail {place} | tail -n 1").split())
    host.shell(f"fallocate --length {free - int(share * size) - spare} {place}/filled")
