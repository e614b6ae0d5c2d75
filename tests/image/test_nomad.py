"""The two commands of the Nomad job, with the job's own words, in containers as Nomad makes them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from image.container import make_certificate
from image.engine import IMAGE, Engine
from support.daemon import QUICK, ROOT
from support.service import Service
from support.stack import free_ports
from support.waiting import eventually

JOB = (ROOT / "nomad" / "bcryptd.nomad.hcl").read_text()
# What Nomad puts into a container.
PLACES = {"NOMAD_ALLOC_DIR": "/alloc", "NOMAD_TASK_DIR": "/local", "NOMAD_SECRETS_DIR": "/secrets"}
TEXT = r'"(?:[^"\\]|\\.)*"'


def found(pattern: str, text: str = JOB) -> str:
    match = re.search(pattern, text, re.S | re.M)
    assert match is not None, pattern
    return match[1]


def text_of(literal: str) -> str:
    """A text of HCL, with what Nomad fills in."""
    text = str(json.loads(literal)).replace("$${", "${")
    for name, value in PLACES.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def nginx_arguments() -> list[str]:
    wait = " ".join(map(text_of, re.findall(TEXT, found(r'^  wait = join\(" ", \[\n(.*?)^  \]\)'))))
    items = re.findall(rf"local\.wait|{TEXT}", found(r"^  nginx_arguments = \[\n(.*?)^  \]"))
    return [wait if item == "local.wait" else text_of(item) for item in items]


def task(name: str) -> str:
    return found(rf'^    task "{name}" \{{\n(.*?)^    \}}')


def flags(name: str) -> list[str]:
    """What the driver's configuration of a task is for docker run. An unknown setting is an error."""
    block = found(r'for_each = var\.driver == "docker".*?content \{\n(.*?)^        \}', task(name))
    block, disabled = re.subn(r"healthchecks \{\s*disable = true\s*\}", "", block)
    words = ["--no-healthcheck"] * disabled
    for line in filter(None, (line.partition("#")[0].strip() for line in block.splitlines())):
        key, value = re.split(r"\s*=\s*", line, maxsplit=1)
        match key:
            case "image" | "args":
                pass
            case "entrypoint" if value == "[local.bcryptd_command]":
                program = found(rf'bcryptd_command = var\.driver == "exec" \? {TEXT} : ({TEXT})')
                words.append(f"--entrypoint={text_of(program)}")
            case "entrypoint" | "cap_drop" | "security_opt":
                flag = f"--{key.replace('_', '-')}"
                words += [f"{flag}={item}" for item in json.loads(value)]
            case "network_mode":
                words.append(f"--network={json.loads(value)}")
            case "readonly_rootfs":
                assert value == "true"
                words.append("--read-only")
            case _:
                raise AssertionError(f"unknown setting of the driver: {line}")
    user = json.loads(found(rf'^variable "user" \{{.*?default\s*= ({TEXT})'))
    return [*words, f"--user={user}"]


def environment(name: str) -> dict[str, str]:
    block = found(r"^      env \{\n(.*?)^      \}", task(name))
    return {key: text_of(value) for key, value in re.findall(rf"(\w+)\s*= ({TEXT})", block)}


class Allocation(Service):
    """The directories of an allocation, and its two containers."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        super().__init__("127.0.0.1", "localhost", *free_ports(3))
        self.engine = engine
        self.directory = directory
        self.names: list[str] = []
        for place in ("alloc", "alloc/data", "local", "secrets"):
            (directory / place).mkdir()
            (directory / place).chmod(0o777)
        make_certificate(directory / "secrets")
        self.configure()

    def configure(self) -> None:
        """As the job's templates are rendered on the node."""
        servers = [
            f'server "unix:/alloc/data/pool-{i}.sock" max_fails=0 max_conns={share};'
            for i, share in enumerate((2, 1))
        ]
        values = {
            "access_log": "/dev/stdout",
            "certificate": "/secrets/certificate.pem",
            "certificate_key": "/secrets/certificate.key",
            "client_burst": "40",
            "client_connections": "20",
            "client_limited": "1",
            "client_rate": "20",
            "drain_file": "/alloc/data/drain",
            "internal_address": f"127.0.0.1:{self.internal_port}",
            "listen_http": f"listen 127.0.0.1:{self.http_port};",
            "listen_https": f"listen 127.0.0.1:{self.https_port} ssl http2;",
            "plain_http": "server_https_required",
            "pool_servers": " ".join(servers),
            "reject_unknown_names": "on",
            "server_names": "localhost",
            "status_socket": "/alloc/data/status.sock",
            "temp_dir": "/local",
            "trusted_proxies": "",
            "unlimited_networks": "",
        }
        tree = self.directory / "local" / "nginx"
        for source in (ROOT / "nginx").rglob("*.conf"):
            target = tree / source.relative_to(ROOT / "nginx")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text())
        text = (ROOT / "nginx" / "values.conf.j2").read_text()
        for name, value in values.items():
            assert f"{{{{ {name} }}}}" in text, name
            text = text.replace(f"{{{{ {name} }}}}", value)
        (tree / "values.conf").write_text(text)

    def run(self, name: str, settings: dict[str, str], arguments: list[str]) -> str:
        volumes = [f"--volume={self.directory / x[1:]}:{x}" for x in PLACES.values()]
        variables = [f"--env={key}={value}" for key, value in {**PLACES, **settings}.items()]
        command = ["run", "--detach", *flags(name), *volumes, *variables, IMAGE, *arguments]
        container = self.engine.docker(*command).stdout.strip()
        self.names.append(container)
        return container

    def start_nginx(self) -> str:
        return self.run("nginx", environment("nginx"), nginx_arguments())

    def start_bcryptd(self) -> str:
        settings = {**QUICK, "BCRYPTD_SOCKET_DIR": "/alloc/data", "BCRYPTD_LOG_FORMAT": "json"}
        return self.run("bcryptd", settings, [])

    def is_running(self, container: str) -> bool:
        return bool(self.engine.inspect(container)["State"]["Running"])

    def logs(self) -> str:
        results = [self.engine.docker("logs", name) for name in self.names]
        return "".join(result.stdout + result.stderr for result in results)

    def is_ready(self) -> bool:
        assert all(self.is_running(name) for name in self.names), self.logs()
        try:
            return self.internal("/readyz").status == 200
        except OSError:
            return False

    def kill(self, container: str, signal: str) -> int:
        """Its exit status after a signal."""
        self.engine.docker("kill", f"--signal={signal}", container)
        return int(self.engine.docker("wait", container, timeout_s=120).stdout)


@pytest.fixture
def allocation(engine: Engine, tmp_path: Path) -> Iterator[Allocation]:
    made = Allocation(engine, tmp_path)
    yield made
    for name in made.names:
        engine.docker("rm", "--force", name, check=False)


def test_the_job_denies_its_containers_what_it_can() -> None:
    for name, network in (("bcryptd", "none"), ("nginx", "host")):
        wanted = {"--cap-drop=all", "--read-only", "--security-opt=no-new-privileges"}
        wanted |= {f"--network={network}", "--no-healthcheck", "--user=www-data"}
        assert wanted <= set(flags(name))


def test_the_jobs_commands_serve(allocation: Allocation) -> None:
    nginx = allocation.start_nginx()
    # It waits for the sockets, and has not become nginx before they are there.
    top = allocation.engine.docker("top", nginx, "-eo", "pid,args").stdout
    assert "until [ -S" in top and "master process" not in top
    bcryptd = allocation.start_bcryptd()
    eventually("ready", allocation.is_ready)
    answer = allocation.post("/v1/hash", {"password": "correct horse"})
    assert answer.status == 200
    assert bcrypt.checkpw(b"correct horse", answer.json()["hash"].encode())
    assert allocation.get("/gethash/hunter2/").status == 200
    # Nothing but the places where the directories are mounted.
    for container in (nginx, bcryptd):
        changes = allocation.engine.docker("diff", container).stdout.splitlines()
        assert sorted(changes) == sorted(f"A {place}" for place in PLACES.values())
    # The task that leads goes first.
    assert allocation.kill(nginx, "QUIT") == 0
    assert allocation.is_running(bcryptd)
    assert allocation.kill(bcryptd, "TERM") == 0
    logs = allocation.logs()
    assert '"http.route":"/v1/hash"' in logs and '"event.name":"stopped"' in logs


def test_the_jobs_nginx_that_still_waits_can_be_stopped(allocation: Allocation) -> None:
    nginx = allocation.start_nginx()
    # A signal before the shell's trap is lost: it is the first process there.
    eventually(
        "waits", lambda: "sleep" in allocation.engine.docker("top", nginx, "-eo", "pid,comm").stdout
    )
    assert allocation.kill(nginx, "QUIT") == 0
