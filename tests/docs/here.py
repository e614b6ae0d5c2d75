"""The commands of documents that test_here.py runs."""

import json
import re

from support.daemon import ROOT
from support.document import commands as commands_of

SERVER = "script/server"
SECOND = (
    "BCRYPTD_HTTP_PORT=18000 BCRYPTD_HTTPS_PORT=18443 BCRYPTD_INTERNAL_PORT=19180"
    " BCRYPTD_RUN_DIR=/tmp/bcryptd-second script/server"
)
HELP = "tests/gce/simulate --help"
CAPACITY = "script/capacity "
# In the directory ansible/, one after the other.
SIGNING = (
    "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=deploy"
    " -keyout deploy.key -out deploy.csr",
    "roles/internal_tls/files/authority sign inventories/staging/internal-tls 30 cli.global.nomad"
    " <deploy.csr >deploy.pem",
    "roles/internal_tls/files/authority show inventories/staging/internal-tls >ca.pem",
)
CONSOLE = re.compile(r"^\$ (.*)\n(.*)$", flags=re.M)


def exports() -> list[str]:
    lines = commands_of((ROOT / "docs/gce.md").read_text())
    return [line for line in lines if line.startswith("export ")]


def capacities() -> list[str]:
    lines = commands_of((ROOT / "docs/capacity.md").read_text())
    return [line for line in lines if line.startswith(CAPACITY)]


def console() -> list[tuple[str, str]]:
    """What the README shows: commands, each with the line that it prints."""
    (block,) = re.findall(r"^```console\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    return CONSOLE.findall(block)


def commands() -> list[str]:
    return [SERVER, SECOND, HELP, *SIGNING, *exports(), *capacities()]


def shape(answer: str) -> object:
    """An answer without what differs each time: the salt, the hash."""
    value = json.loads(answer)
    return {key: len(each) if isinstance(each, str) else each for key, each in value.items()}
