"""What gathers the metrics of a host, as the playbooks install it: Prometheus and the exporters."""

import http.client
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
import yaml

from support.cpu import cpu_seconds
from support.daemon import ROOT
from support.stack import Stack, free_ports
from support.waiting import eventually

INTERVAL_S = 5
NICE = 10
RULES = ROOT / "monitoring" / "rules"
MTAIL_PROGRAM = ROOT / "monitoring" / "bcryptd.mtail"
PROMETHEUS = "prometheus"
ROLE = ROOT / "ansible" / "roles" / "node_exporter"
LABELS = {"instance": "bench", "environment": "bench"}
JOBS = ("node", "nginx", "mtail")


def node_options(directory: Path) -> list[str]:
    """The options that the role gives node_exporter, but for the units' states: no systemd may run here."""
    values = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    values["node_exporter_collectors"].remove("systemd")
    values["node_exporter_textfile_dir"] = directory
    template = jinja2.Template((ROLE / "templates" / "default.j2").read_text(), trim_blocks=True)
    text = template.render(**values, ansible_managed="").partition('ARGS="')[2].rpartition('"')[0]
    words = text.replace("\\\n", " ").split()
    return [word for word in words if not word.startswith("--web.listen-address")]


class Gathering:
    """A Prometheus that asks a stack and its exporters each so many seconds; `with` ends them."""

    def __init__(self, stack: Stack, interval_s: int = INTERVAL_S) -> None:
        self.stack = stack
        self.interval_s = interval_s
        self.directory = Path(tempfile.mkdtemp(prefix="bcryptd-gather."))
        self.port, *ports = free_ports(1 + len(JOBS))
        self.ports = {"bcryptd": stack.internal_port, **dict(zip(JOBS, ports))}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def configuration(self) -> dict[str, Any]:
        """As YAML, which takes JSON."""
        jobs = [
            {
                "job_name": job,
                "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": LABELS}],
            }
            for job, port in self.ports.items()
        ]
        interval = f"{self.interval_s}s"
        return {
            "global": {"scrape_interval": interval, "evaluation_interval": interval},
            "rule_files": [str(RULES / "*.yml")],
            "scrape_configs": jobs,
        }

    def commands(self) -> dict[str, list[str]]:
        (self.directory / "prometheus.yml").write_text(json.dumps(self.configuration()))
        (self.directory / "textfiles").mkdir(exist_ok=True)
        listen = {job: f"127.0.0.1:{port}" for job, port in self.ports.items()}
        return {
            "node": [
                "prometheus-node-exporter",
                f"--web.listen-address={listen['node']}",
                *node_options(self.directory / "textfiles"),
            ],
            "nginx": [
                "prometheus-nginx-exporter",
                f"-nginx.scrape-uri=http://{listen['bcryptd']}/nginx_status",
                f"-web.listen-address={listen['nginx']}",
            ],
            "mtail": [
                "mtail",
                f"--progs={MTAIL_PROGRAM}",
                f"--logs={self.stack.run_dir / 'access.log'}",
                "--address=127.0.0.1",
                f"--port={self.ports['mtail']}",
                "--emit_prog_label=false",
                f"--log_dir={self.directory}",
            ],
            PROMETHEUS: [
                "prometheus",
                f"--config.file={self.directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={self.directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--web.enable-admin-api",  # snapshot()
            ],
        }

    def api(self, method: str, path: str) -> Any:
        """The data of Prometheus's answer; None when there is none yet."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, f"/api/v1/{path}")
            response = connection.getresponse()
            answer = response.read()
        except OSError:
            return None
        finally:
            connection.close()
        if response.status == 503:  # not ready
            return None
        if response.status != 200:
            raise RuntimeError(f"{path}: {answer!r}")
        return json.loads(answer)["data"]

    def ask(self, expression: str) -> dict[str, float]:
        """The values of an expression by job; none when there is no answer yet."""
        data = self.api("GET", "query?" + urlencode({"query": expression})) or {"result": []}
        return {row["metric"].get("job", ""): float(row["value"][1]) for row in data["result"]}

    def snapshot(self) -> tuple[int, int]:
        """What it has on disk of all that it knows: bytes and samples."""
        name = self.api("POST", "admin/tsdb/snapshot")["name"]
        directory = self.directory / "data" / "snapshots" / name
        files = [path for path in directory.rglob("*") if path.is_file()]
        blocks = [json.loads(path.read_text()) for path in files if path.name == "meta.json"]
        samples = sum(block["stats"]["numSamples"] for block in blocks)
        return sum(path.stat().st_size for path in files), samples

    def output(self, name: str) -> str:
        return (self.directory / name).read_text(errors="replace")[-2000:]

    def check(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended:\n{self.output(name)}")

    def all_up(self) -> bool:
        self.check()
        up = self.ask("up")
        return set(up) == set(self.ports) and all(up.values())

    def cpu(self) -> dict[str, float]:
        self.check()
        return {name: cpu_seconds(process.pid) for name, process in self.processes.items()}

    def __enter__(self) -> "Gathering":
        try:
            for name, command in self.commands().items():
                with (self.directory / name).open("wb") as output:
                    self.processes[name] = subprocess.Popen(
                        ["nice", f"--adjustment={NICE}", *command],
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                    )
            eventually("each target is up", self.all_up)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
