"""What the image has in it, and what it has not."""

import re

import pytest

from image.engine import BASE, IMAGE, Engine
from support.daemon import ROOT

MEGABYTE = 1_000_000
ADDED_MAX = 15 * MEGABYTE  # to its base


def shell(engine: Engine, script: str) -> str:
    """As root in the image, so that nothing is hidden from it."""
    options = ["--rm", "--network=none", "--user=0", "--entrypoint=/bin/sh"]
    return engine.docker("run", *options, IMAGE, "-c", script).stdout


def test_its_user_is_not_root(engine: Engine) -> None:
    assert engine.inspect(IMAGE)["Config"]["User"] == "33:33"
    output = engine.docker("run", "--rm", "--entrypoint=/usr/bin/id", IMAGE).stdout
    assert output.startswith("uid=33(www-data) gid=33(www-data)")


def test_it_adds_little_to_its_base(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    size, base = (engine.inspect(name)["Size"] for name in (IMAGE, BASE))
    with capsys.disabled():
        print(f"\nimage: {size / MEGABYTE:.1f} MB, of it its base: {base / MEGABYTE:.1f} MB")
    assert size - base < ADDED_MAX


def test_its_labels_tell_what_it_is(engine: Engine) -> None:
    labels = engine.inspect(IMAGE)["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "bcryptd"
    version = labels["org.opencontainers.image.version"]
    options = ["--rm", "--network=none", "--entrypoint=bcryptd"]
    assert engine.docker("run", *options, IMAGE, "--version").stdout == f"bcryptd {version}\n"
    found = re.search(
        r"^project\(bcryptd VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.M
    )
    assert found is not None and found[1] == version


def test_no_program_gives_rights(engine: Engine) -> None:
    script = "find / -xdev -perm /6000 -type f; getcap -r / 2>/dev/null"
    assert shell(engine, script) == ""
    # The search finds what is there.
    assert shell(engine, f"chmod u+s /usr/bin/id; {script}") == "/usr/bin/id\n"


def test_no_compiler_and_no_package_lists(engine: Engine) -> None:
    script = (
        "for x in cc gcc ld as make cmake ninja; do command -v $x; done; ls -A /var/lib/apt/lists"
    )
    assert shell(engine, script) == ""
    assert shell(engine, "ls /usr/include/fcgiapp.h /src /build 2>/dev/null; true") == ""


def test_nothing_of_it_can_be_changed_by_its_user(engine: Engine) -> None:
    script = "find /usr /etc -xdev ! -type l \\( -user 33 -o -group 33 -o -perm /o=w \\) ! -type c"
    assert shell(engine, script) == ""
