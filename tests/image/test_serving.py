"""A container of the image: serving, its health, its errors."""

import re
import socket
import ssl
from pathlib import Path

import bcrypt
import pytest

from image.container import HARDENED, HEALTH, OPEN, RUN_DIR, TLS_DIR, Container, make_certificate
from image.engine import IMAGE, Engine
from support.waiting import eventually

PASSWORD = "correct horse battery"


def serves(container: Container) -> None:
    """Both ways to a hash, each checked by another implementation of bcrypt."""
    answer = container.post("/v1/hash", {"password": PASSWORD})
    assert answer.status == 200
    assert bcrypt.checkpw(PASSWORD.encode(), answer.json()["hash"].encode())
    answer = container.get("/gethash/correct%20horse%20battery/")
    assert answer.status == 200
    value = answer.json()
    assert bcrypt.checkpw(PASSWORD.encode(), bytes.fromhex(value["hash"]))
    assert not bcrypt.checkpw(b"another", bytes.fromhex(value["hash"]))


# With a root file system that can be written to, it is seen that nobody does.
@pytest.mark.parametrize(
    "options", [HARDENED, (f"--tmpfs={RUN_DIR}",)], ids=["hardened", "writable"]
)
def test_serves_and_writes_nothing(engine: Engine, tls: Path, options: tuple[str, ...]) -> None:
    with Container(engine, *options, f"--volume={tls}:{TLS_DIR}:ro", **OPEN) as container:
        serves(container)
        assert container.changes() == []
        if options is not HARDENED:
            container.shell("touch /tmp/seen")
            assert "A /tmp/seen" in container.changes()


def test_its_processes_have_no_rights(engine: Engine, tls: Path) -> None:
    with Container(engine, *HARDENED, f"--volume={tls}:{TLS_DIR}:ro", **OPEN) as container:
        rows = engine.docker("top", container.id, "-eo", "pid").stdout.split()[1:]
        assert len(rows) >= 6
        for row in rows:
            status = Path(f"/proc/{row}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert set(fields["Uid"].split()) == {"33"}, status
            assert int(fields["CapEff"], 16) == 0 and int(fields["CapBnd"], 16) == 0
            assert fields["NoNewPrivs"] == "1"


def test_needs_no_options_but_a_certificate(engine: Engine) -> None:
    """And keeps its internal listener to itself, where the health check asks."""
    with Container(engine, *HEALTH, BCRYPTD_SELF_SIGNED="on").start() as container:
        eventually("healthy", lambda: container.health() == "healthy", pause_s=0.1)
        serves(container)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((container.address, container.internal_port))


def test_plain_http_is_refused_unless_it_is_asked_for(engine: Engine) -> None:
    path = "/gethash/correct%20horse/"
    with Container(engine, **OPEN, BCRYPTD_SELF_SIGNED="on") as container:
        assert container.get(path, tls=False).status == 403
    with Container(engine, **OPEN, BCRYPTD_SELF_SIGNED="on", BCRYPTD_PLAIN_HTTP="on") as container:
        assert container.get(path, tls=False).status == 200


def test_settings_reach_bcryptd_and_nginx(engine: Engine) -> None:
    settings = {
        **OPEN,
        "BCRYPTD_SELF_SIGNED": "on",
        "BCRYPTD_COST": "6",
        "BCRYPTD_GETHASH": "off",
        "BCRYPTD_SERVER_NAMES": "hash.example.org",
    }
    with Container(engine, **settings) as container:
        with pytest.raises(ssl.SSLError):
            container.connect(tls=True)
        container.name = "hash.example.org"
        assert container.get("/gethash/hunter2/").status == 404
        assert container.post("/v1/hash", {"password": "hunter2"}).json()["cost"] == 6


def test_a_trusted_proxy_tells_the_client(engine: Engine) -> None:
    for proxies, client in (("0.0.0.0/0 ::/0", "192.0.2.7"), ("192.0.2.1", "10.213.")):
        settings = {**OPEN, "BCRYPTD_SELF_SIGNED": "on", "BCRYPTD_TRUSTED_PROXIES": proxies}
        with Container(engine, **settings) as container:
            body, headers = b'{"password": "hunter2"}', {"Content-Type": "application/json"}
            headers["X-Forwarded-For"] = "192.0.2.7"
            assert container.ask("POST", "/v1/hash", body, headers).status == 200
            eventually("logged", lambda: f'"client.address":"{client}' in container.logs())


def test_health_follows_the_service(engine: Engine) -> None:
    with Container(engine, *HARDENED, *HEALTH, **OPEN, BCRYPTD_SELF_SIGNED="on") as container:
        eventually("healthy", lambda: container.health() == "healthy", pause_s=0.1)
        container.shell(f"touch {RUN_DIR}/drain")
        eventually("unhealthy", lambda: container.health() == "unhealthy", pause_s=0.1)
        serves(container)
        container.shell(f"rm {RUN_DIR}/drain")
        eventually("healthy again", lambda: container.health() == "healthy", pause_s=0.1)
        assert '{"status":"ready"}' in container.state()["Health"]["Log"][-1]["Output"]


def test_is_unhealthy_when_bcryptd_hangs(engine: Engine) -> None:
    """Nothing ends, so only the check can see it."""
    with Container(engine, *HEALTH, **OPEN, BCRYPTD_SELF_SIGNED="on") as container:
        eventually("healthy", lambda: container.health() == "healthy", pause_s=0.1)
        master = container.process("ready")
        # All of bcryptd, as the master would replace a part.
        container.shell(f"kill -STOP {master} $(cat /proc/{master}/task/{master}/children)")
        eventually("unhealthy", lambda: container.health() == "unhealthy", pause_s=0.1)


@pytest.mark.parametrize("victim", ["bcryptd", "nginx"])
def test_ends_with_an_error_when_one_of_the_two_dies(engine: Engine, victim: str) -> None:
    with Container(engine, **OPEN, BCRYPTD_SELF_SIGNED="on") as container:
        pid = f"$(cat {RUN_DIR}/nginx.pid)" if victim == "nginx" else container.process("ready")
        container.shell(f"kill -KILL {pid}")
        assert container.exit_code() == 1
        assert f"entrypoint: {victim} ended" in container.logs()


def test_a_killed_container_starts_again(engine: Engine) -> None:
    """Its sockets are still there, without --tmpfs."""
    with Container(engine, **OPEN, BCRYPTD_SELF_SIGNED="on") as container:
        engine.docker("kill", container.id)
        assert container.exit_code() == 137
        assert any("status.sock" in change for change in container.changes())
        engine.docker("start", container.id)
        container.address = container.inspect()["NetworkSettings"]["IPAddress"]
        eventually("ready", lambda: container.exited() or container.is_ready())
        serves(container)


def test_takes_a_new_certificate_by_a_reload(engine: Engine, tmp_path: Path) -> None:
    tls = make_certificate(tmp_path / "tls")
    with Container(engine, *HARDENED, f"--volume={tls}:{TLS_DIR}:ro", **OPEN) as container:

        def shown() -> bool:
            certificate = ssl.get_server_certificate((container.address, container.https_port))
            return certificate == (tls / "certificate.pem").read_text()

        assert shown()
        kept = container.client()
        kept.request("GET", "/gethash/hunter2/")
        assert kept.getresponse().read()
        make_certificate(tls)
        assert not shown()
        engine.docker("kill", "--signal=HUP", container.id)
        eventually("new certificate", shown)
        serves(container)


ERRORS = {
    "no certificate": ({}, f"user 33 finds no {TLS_DIR}/certificate.pem"),
    "bad setting": ({"BCRYPTD_COST": "99"}, "BCRYPTD_COST: '99' is not usable"),
    "bad port": ({"BCRYPTD_HTTPS_PORT": "many"}, "BCRYPTD_HTTPS_PORT: 'many' is not usable"),
    "bad switch": ({"BCRYPTD_PLAIN_HTTP": "yes"}, "BCRYPTD_PLAIN_HTTP: 'yes' is not usable"),
    "bad names": ({"BCRYPTD_SERVER_NAMES": "a; }"}, "BCRYPTD_SERVER_NAMES: 'a; }' has a character"),
}


@pytest.mark.parametrize(("settings", "text"), ERRORS.values(), ids=ERRORS.keys())
def test_a_bad_start_is_a_clear_error(engine: Engine, settings: dict[str, str], text: str) -> None:
    given = {"BCRYPTD_SELF_SIGNED": "on", **settings} if settings else {}
    with Container(engine, **given).start() as container:
        assert container.exit_code() == 1
        assert text in container.logs()


def test_says_who_cannot_read_the_key_or_write(engine: Engine, tmp_path: Path) -> None:
    tls = make_certificate(tmp_path / "tls")
    (tls / "certificate.key").chmod(0o400)
    options = [f"--volume={tls}:{TLS_DIR}:ro", "--user=1000:1000"]
    with Container(engine, *options).start() as container:
        assert container.exit_code() == 1
        assert re.search("user 1000 finds no .* to read; mount them, or set", container.logs())
    with Container(engine, "--read-only").start() as container:
        assert container.exit_code() == 1
        assert f"user 33 cannot write to {RUN_DIR}" in container.logs()


def test_any_user_will_do(engine: Engine) -> None:
    options = [*HARDENED, "--user=1000:1000"]
    with Container(engine, *options, **OPEN, BCRYPTD_SELF_SIGNED="on") as container:
        serves(container)


def test_takes_no_arguments(engine: Engine) -> None:
    result = engine.docker("run", "--rm", IMAGE, "--cost=13", check=False)
    assert result.returncode == 1 and "takes no arguments" in result.stderr
