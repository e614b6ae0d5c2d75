"""What can be said of a command without running it."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from support.daemon import ROOT

OWN = re.compile(r"(?:\.\./)?((?:script|tests/gce)/[\w-]+)")
NAME = re.compile(r"-{0,2}[A-Za-z][\w-]*")  # of an option or a part; numbers and files are values
PLACES = (
    "app",
    "nginx",
    "nomad",
    "monitoring",
    "systemd",
    "packaging",
    "ansible",
    "script",
    "tests",
)
IN_CODE = re.compile(
    rf"(?<!\S)(?:\.\./)?((?:{'|'.join((*PLACES, 'docs', 'docker'))})/[\w.*/{{}},-]+)(?=\s|$)"
)
PLACEHOLDER = re.compile(r"(^|/)NAME(\.\w+)?$")


def wrong_syntax(script: str) -> str:
    """What bash says of it; empty when it reads it."""
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, timeout=30)
    return done.stderr


@cache
def help_of(program: str) -> str:
    done = subprocess.run(
        [str(ROOT / program), "--help"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, (program, done.stderr)
    return done.stdout


def words_of(line: str) -> list[str]:
    try:
        return shlex.split(line.partition("\n")[0])
    except ValueError:
        return line.split()


def wrong_options(line: str) -> Iterator[str]:
    """Of a program of the repository that says by --help what it takes."""
    words = words_of(line)
    if not words or not (program := OWN.fullmatch(words[0])):
        return
    if not (ROOT / program[1]).is_file():
        yield f"there is no {program[1]}"
        return
    for word in words[1:]:
        option = word.partition("=")[0]
        if option == "--help" or not NAME.fullmatch(option):
            continue
        if not re.search(rf"(^|[\s\[|{{,]){re.escape(option)}\b", help_of(program[1]), flags=re.M):
            yield f"{program[1]} --help has no {option}"


def wrong_play(line: str) -> Iterator[str]:
    """Of ansible-playbook: its files."""
    words = words_of(line)
    if not words or words[0] not in ("ansible-playbook", "ansible-inventory"):
        return
    names = [word for word in words[1:] if word.startswith(("playbooks/", "inventories/"))]
    yield from (f"there is no ansible/{name}" for name in names if not exists(f"ansible/{name}"))


def exists(name: str) -> bool:
    """A name may have * and {a,b} in it."""
    if choice := re.search(r"\{([^{}]*)\}", name):
        parts = choice[1].split(",")
        return all(exists(name[: choice.start()] + x + name[choice.end() :]) for x in parts)
    return any(ROOT.glob(name.rstrip("/"))) if "*" in name else (ROOT / name).exists()


def wrong_names(code: str, beside: Path) -> Iterator[str]:
    """Of code within a sentence: files of the repository, from its root or from the document on."""
    for name in IN_CODE.findall(code):
        if PLACEHOLDER.search(name):
            continue
        if not exists(name) and not (beside / name).exists():
            yield f"there is no {name}"
