"""docs/docker.md, from its first command to its last."""

import json
import subprocess
from pathlib import Path

from image.container import make_certificate
from image.engine import BASE, Engine
from support import document
from support.daemon import ROOT, clean_environment
from support.stack import free_ports
from support.waiting import eventually

DOCUMENT = ROOT / "docs" / "docker.md"
COMMANDS = document.commands(DOCUMENT.read_text())


def test_each_command_works(engine: Engine, tmp_path: Path) -> None:
    make_certificate(tmp_path / "tls", "hash.example.org")
    tried, served = free_ports(2)
    # The base of the tests, and ports that nobody else has.
    ours = {
        "docker build ": f"docker build --network=host --build-arg BASE={BASE} ",
        " .": f" {ROOT}",
        "--publish 8443:": f"--publish 127.0.0.1:{tried}:",
        "https://localhost:8443/": f"https://localhost:{tried}/",
        "--publish 443:": f"--publish 127.0.0.1:{served}:",
    }
    used = set()
    outputs: dict[str, str] = {}

    def run(command: str) -> str:
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            env={**clean_environment(), **engine.environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert result.returncode == 0, (command, result.stdout, result.stderr)
        return result.stdout

    def healthy() -> bool:
        return bool(engine.inspect("bcryptd")["State"]["Health"]["Status"] == "healthy")

    for line in COMMANDS:
        command = line
        for theirs, value in ours.items():
            if theirs.endswith(" .") and not command.endswith(theirs):
                continue
            if theirs in command:
                used.add(theirs)
                command = command.replace(theirs, value)
        outputs[line] = run(command)
        if " run " in line:
            eventually("healthy", healthy, pause_s=0.1)
        if "hash.example.org" in line:
            answer = run(
                f"curl --silent --cacert tls/certificate.pem --resolve hash.example.org:{served}:127.0.0.1"
                f""" --json '{{"password": "hunter2"}}' https://hash.example.org:{served}/v1/hash"""
            )
            assert json.loads(answer)["cost"] == 12
    assert used == set(ours)

    def output(part: str) -> str:
        return next(text for line, text in outputs.items() if part in line)

    assert output("/docker/health") == '{"status":"ready"}'
    assert json.loads(output("curl"))["hash"].startswith("$2b$12$")
    assert output("State.Health") == "healthy\n"
    assert '"event.name":"http.request"' in output("docker logs")
    assert engine.docker("ps", "--all", "--quiet").stdout == ""
