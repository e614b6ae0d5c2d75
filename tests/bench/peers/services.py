"""The services that are compared, each with its own nginx, and their processes."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.noise import TICKS
from bench.peers.client import answers
from bench.tools import WORKER_NICE, cpus, in_flight_cap, stack_for
from support.daemon import ROOT
from support.stack import alive, children, free_ports
from support.waiting import eventually

APPS = ROOT / "tests" / "bench" / "peers" / "apps"
READY_S = 30.0
END_S = 15.0
# As script/server starts nginx.
NGINX_ENVIRONMENT = {
    "GLIBC_TUNABLES": "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0",
    "LD_BIND_NOW": "1",
}
PROXY = """proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://unix:{directory}/app.sock:;"""
FASTCGI = """fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param SCRIPT_FILENAME {directory}/gethash.php;
            fastcgi_pass unix:{directory}/php.sock;"""


class Service(Protocol):
    """A running service: what measuring needs to know of it."""

    name: str
    port: int
    access_log: Path

    def pids(self) -> list[int]:
        """The processes behind nginx."""


@dataclass(frozen=True)
class Kind:
    """How a peer is started; {directory}, {build}, {apps} and {cpus} are filled in."""

    name: str
    command: tuple[str, ...]
    nginx: str = PROXY


# fmt: off
KINDS = (
    Kind("Flask on gunicorn", (
        "/usr/bin/gunicorn", "--workers", "2", "--threads", "2", "--log-level", "warning",
        "--chdir", "{apps}/gunicorn", "--bind", "unix:{directory}/app.sock", "gethash:app",
    )),
    Kind("php-fpm", ("{php_fpm}", "--fpm-config", "{directory}/php-fpm.conf"), FASTCGI),
    Kind("Go net/http", ("{build}/peers/gethash", "{directory}/app.sock")),
    Kind("Node", ("/usr/bin/node", "{build}/peers/node/gethash.js", "{directory}/app.sock")),
)
# fmt: on


def php_fpm() -> str:
    """Debian's program has its version in its name."""
    return str(max(Path("/usr/sbin").glob("php-fpm*")))


def render(file: Path, values: Mapping[str, object]) -> str:
    text = file.read_text()
    for name, value in values.items():
        text = text.replace(f"{{{{ {name} }}}}", str(value))
    return text


def spawn(
    command: list[str], environment: Mapping[str, str], log: Path, nice: int = 0
) -> subprocess.Popen[bytes]:
    """A group of processes of its own, which ends with this program, however that ends."""
    wrapped = ["setpriv", "--pdeathsig", "TERM", "nice", "-n", str(nice), *command]
    with log.open("ab") as output:
        return subprocess.Popen(
            wrapped,
            env={"PATH": os.environ["PATH"] + ":/usr/sbin", **environment},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a group. Its first process is reaped at last, so that the group's number stays its own."""
    try:
        signal_group(process, signal.SIGTERM)
        eventually("ended", lambda: not alive([process.pid]), END_S)
    except AssertionError:
        pass
    finally:
        signal_group(process, signal.SIGKILL)
        process.wait()


class Peer:
    """A peer behind its nginx; `with` ends both whatever happens."""

    def __init__(self, kind: Kind, build: Path, cost: int) -> None:
        self.name = kind.name
        self.kind = kind
        self.build = build
        self.cost = cost
        self.cleanup = ExitStack()
        self.process: subprocess.Popen[bytes] | None = None

    def pids(self) -> list[int]:
        assert self.process is not None
        return [self.process.pid, *children(self.process.pid)]

    def prepare(self) -> None:
        (self.port,) = free_ports(1)
        self.access_log = self.directory / "access.log"
        shutil.copytree(ROOT / "nginx", self.directory / "nginx")
        (self.directory / "temp").mkdir()
        shutil.copy(APPS / "php" / "gethash.php", self.directory)
        source = ["bash", "-c", 'source "$1"; make_certificate "$2"', "bench"]
        subprocess.run([*source, str(ROOT / "script" / "lib.sh"), str(self.directory)], check=True)
        place = str(self.directory)
        own_nginx = {
            "directory": place,
            "port": self.port,
            "pass": self.kind.nginx.format(directory=place),
        }
        own_php = {"directory": place, "cpus": cpus()}
        (self.directory / "nginx" / "nginx.conf").write_text(render(APPS / "nginx.conf", own_nginx))
        (self.directory / "php-fpm.conf").write_text(render(APPS / "php" / "php-fpm.conf", own_php))

    def start(self) -> None:
        places = {"directory": self.directory, "build": self.build, "apps": APPS}
        command = [part.format(php_fpm=php_fpm(), **places) for part in self.kind.command]
        environment = {
            "COST": str(self.cost),
            "HOME": str(self.directory),
            "PYTHONDONTWRITEBYTECODE": "1",
            # Node's threads for work like this; 4 if it is not told.
            "UV_THREADPOOL_SIZE": str(cpus()),
        }
        process = spawn(command, environment, self.directory / "app.log", WORKER_NICE)
        self.cleanup.callback(end, process)
        self.process = process
        nginx = ["nginx", "-e", "stderr", "-c", str(self.directory / "nginx" / "nginx.conf")]
        nginx += ["-g", f'daemon off; pid "{self.directory}/nginx.pid";']
        proxy = spawn(nginx, NGINX_ENVIRONMENT, self.directory / "nginx.log")
        self.cleanup.callback(end, proxy)
        eventually(f"{self.name} ready", lambda: self.is_ready([process.pid, proxy.pid]), READY_S)

    def is_ready(self, running: list[int]) -> bool:
        assert alive(running) == running, f"{self.name} ended"
        return answers(self.port)

    def log_text(self) -> str:
        return "".join(path.read_text() for path in self.directory.glob("*.log"))

    def __enter__(self) -> "Peer":
        with ExitStack() as failing:
            self.directory = Path(tempfile.mkdtemp(prefix="bcryptd-peer."))
            failing.callback(shutil.rmtree, self.directory)
            self.directory.chmod(0o755)
            self.cleanup = failing
            self.prepare()
            try:
                self.start()
            except AssertionError as error:
                raise RuntimeError(f"{error}\n{self.log_text()}") from error
            self.cleanup = failing.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.cleanup.close()


class Bcryptd:
    """This project's service, as script/server starts it."""

    def __init__(self, engine: str, cost: int) -> None:
        self.name = f"bcryptd, {engine}"
        self.stack = stack_for(cost, BCRYPTD_ENGINE=engine)
        self.port = self.stack.https_port
        self.access_log = self.stack.run_dir / "access.log"

    def pids(self) -> list[int]:
        return [pid for pid in self.stack.pids() if program(pid) == "bcryptd"]

    def cap(self) -> int:
        return in_flight_cap(self.stack)

    def __enter__(self) -> "Bcryptd":
        self.stack.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.__exit__(*error)


def program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def cpu_seconds(service: Service) -> float:
    total = 0
    for pid in service.pids():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mib(service: Service) -> float | None:
    """The share of memory (PSS) of all processes behind nginx; None where they may not be seen."""
    kib = 0
    for pid in service.pids():
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except PermissionError:
            return None
        kib += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kib / 1024
