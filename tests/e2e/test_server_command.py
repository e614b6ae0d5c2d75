"""script/server: what a person sees who starts and stops the service."""

import os
import signal
import socket
import subprocess

import pytest

from support.daemon import BINARY, ROOT, clean_environment
from support.stack import Stack, alive, free_ports
from support.waiting import eventually

SERVER = str(ROOT / "script" / "server")


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SERVER, "--binary", str(BINARY), *arguments],
        env={**clean_environment(), **settings},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_prints_addresses_and_commands_that_work() -> None:
    with Stack() as own:
        output = eventually(
            "told", lambda: "Ctrl-C" in own.output.read_text() and own.output.read_text()
        )
        assert f"http://localhost:{own.http_port}/" in output
        assert f"https://localhost:{own.https_port}/" in output
        lines = output.replace("\\\n", " ").splitlines()
        commands = [line.strip() for line in lines if line.strip().startswith("curl ")]
        assert len(commands) == 2
        for command in commands:
            result = subprocess.run(
                ["bash", "-c", f"{command} --silent --show-error"],
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert '"hash": "' in result.stdout, (command, result)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_cleanly_and_leaves_nothing(number: int) -> None:
    with Stack() as own:
        assert own.process is not None
        pids = own.pids()
        assert len(pids) >= 5
        own.process.send_signal(number)
        assert own.process.wait(timeout=180) == 0
        assert alive(pids) == []
        assert not list(own.run_dir.rglob("*.sock"))


def test_ends_with_an_error_when_bcryptd_dies() -> None:
    with Stack() as own:
        assert own.process is not None
        log = own.run_dir / "bcryptd.log"
        eventually("ready logged", lambda: '"event.name":"ready"' in log.read_text())
        line = next(x for x in log.read_text().splitlines() if '"event.name":"ready"' in x)
        master = int(line.split('"process.pid":')[1].split(",")[0])
        os.kill(master, signal.SIGKILL)
        assert own.process.wait(timeout=180) == 1
        assert "bcryptd ended" in own.output.read_text()


def test_keeps_its_certificate_for_the_next_start() -> None:
    with Stack() as own:
        certificate = own.run_dir / "certificate.pem"
        first = certificate.read_bytes()
        assert (own.run_dir / "certificate.key").stat().st_mode & 0o777 == 0o600
        assert own.stop() == 0
        own.start()
        assert certificate.read_bytes() == first


def test_a_port_in_use_is_a_clear_error() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        result = run(BCRYPTD_HTTP_PORT=port)
        assert result.returncode == 1
        assert f"port {port} is in use; BCRYPTD_HTTP_PORT" in result.stderr


def test_a_bad_setting_is_a_clear_error(tmp_path: object) -> None:
    http, https, internal = (str(port) for port in free_ports(3))
    ports = {
        "BCRYPTD_HTTP_PORT": http,
        "BCRYPTD_HTTPS_PORT": https,
        "BCRYPTD_INTERNAL_PORT": internal,
    }
    result = run(BCRYPTD_COST="99", BCRYPTD_RUN_DIR=str(tmp_path), **ports)
    assert result.returncode == 1
    assert "BCRYPTD_COST: '99' is not usable; allowed: a whole number from 4 to 31" in result.stderr
    assert run(BCRYPTD_HTTPS_PORT="many").returncode == 1
    assert run("--bogus").returncode == 1


def test_help_answers_without_starting() -> None:
    result = subprocess.run([SERVER, "--help"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0 and "BCRYPTD_HTTP_PORT" in result.stdout
