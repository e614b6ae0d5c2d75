"""Looking for a secret in files, in command lines and in the memory of processes."""

import re
from collections.abc import Iterable
from pathlib import Path

PART = 12  # a secret that is partly overwritten still shows a part of this length


CAP_SYS_PTRACE = 19


def may_read_others() -> bool:
    """Whether this process may look into the memory of other users' processes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> CAP_SYS_PTRACE & 1)
    return False


def pattern(secret: bytes) -> re.Pattern[bytes]:
    """Matches the secret and every part of it of PART bytes."""
    parts = {secret[i : i + PART] for i in range(len(secret) - PART + 1)}
    return re.compile(b"|".join(re.escape(part) for part in sorted(parts)))


def process_memory(pid: int) -> list[tuple[str, bytes]]:
    """The readable memory of a process, by region."""
    regions = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, mode, *_ = line.split()
            if "r" not in mode or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            start, end = (int(address, 16) for address in span.split("-"))
            memory.seek(start)
            try:
                regions.append((line, memory.read(end - start)))
            except OSError:
                continue
    return regions


def regions_with(pid: int, secret: bytes) -> list[str]:
    wanted = pattern(secret)
    return [name for name, content in process_memory(pid) if wanted.search(content)]


def files_with(files: Iterable[Path], secret: bytes) -> list[Path]:
    """Those that hold the secret. One that is gone meanwhile holds nothing: a host's timers replace files."""
    wanted = pattern(secret)
    found = []
    for path in files:
        try:
            if wanted.search(path.read_bytes()):
                found.append(path)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def command_lines_with(secret: bytes) -> list[Path]:
    return files_with(Path("/proc").glob("[0-9]*/cmdline"), secret)
