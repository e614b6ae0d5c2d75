"""One host that is really watched: bcryptd behind nginx, the exporters, mtail and a Prometheus with
the repository's rules, with the job names and labels that the roles give them."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path
from typing import Any

import yaml

from monitoring.traffic import Traffic
from support.daemon import ROOT
from support.stack import Stack, free_ports
from support.waiting import eventually

HOST = "web1"
ENVIRONMENT = "test"
JOBS = ("bcryptd", "node", "nginx", "mtail", "probe", "prometheus", "blackbox")
# A hash takes so long that a small load fills the host, and is well below the deadline even where
# other tests want the CPUs. The limits of a client are so low that a few requests reach them.
SETTINGS = {
    "BCRYPTD_COST": "10",
    "BCRYPTD_MIN_COST": "10",
    "BCRYPTD_WORKER_NICE": "0",
    "BCRYPTD_CLIENT_RATE": "5",
    "BCRYPTD_CLIENT_BURST": "10",
    "BCRYPTD_CLIENT_CONNECTIONS": "4",
}


class Program:
    """A running program whose output is in a file; `end` stops it."""

    def __init__(self, name: str, directory: Path, command: list[str]) -> None:
        self.name = name
        self.output = directory / f"{name}.log"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def check(self) -> None:
        assert self.process.poll() is None, f"{self.name} ended: {self.output.read_text()}"

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Prometheus:
    """What its API says."""

    def __init__(self, url: str) -> None:
        self.url = urllib.parse.urlsplit(url)

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer; an error of the API is a ValueError with its text."""
        port = self.url.port or 9090
        connection = http.client.HTTPConnection(self.url.hostname or "", port, timeout=60)
        try:
            query = urllib.parse.urlencode(parameters)
            connection.request("GET", f"{self.url.path.rstrip('/')}/api/v1/{path}?{query}")
            response = connection.getresponse()
            if response.status == 503:
                raise ConnectionError("Prometheus reads what it has on disk")
            answer = json.loads(response.read())
        finally:
            connection.close()
        if answer["status"] != "success":
            raise ValueError(answer["error"])
        return answer["data"]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series of an expression now."""
        data = self.ask("query", query=expr)
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        return list(data["result"])

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        parameters = {"start": str(start), "end": str(end), "step": str(step)}
        return list(self.ask("query_range", query=expr, **parameters)["result"])

    def value(self, expr: str) -> float:
        """The sum of an expression's series; 0 when it has none."""
        return sum(float(series["value"][1]) for series in self.query(expr))

    def up(self) -> set[str]:
        """The jobs whose targets all answer."""
        down = {series["metric"]["job"] for series in self.query("up == 0")}
        return {series["metric"]["job"] for series in self.query("up == 1")} - down


def with_variables(expr: str, window: str = "15s") -> str:
    """A dashboard's expression as Grafana asks it, of all hosts."""
    values = {"$environment": ".*", "$instance": ".*", "$__rate_interval": window}
    for name, value in values.items():
        expr = expr.replace(name, value)
    return expr


def legend(template: str, labels: dict[str, str]) -> str:
    """The name of a series, as Grafana makes it of a legend with {{label}} in it."""
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), template)


def expressions() -> list[dict[str, Any]]:
    """Each expression of each dashboard, see `script/dashboards --help`."""
    command = [str(ROOT / "script" / "dashboards"), "--list"]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [json.loads(line) for line in output.splitlines()]


class Live:
    """The host and what watches it; `with` ends all of it whatever happens."""

    def __init__(self, scrape_s: int = 1, **settings: str) -> None:
        self.scrape_s = scrape_s
        self.stack = Stack("on", **{**SETTINGS, **settings})
        self.traffic = Traffic(self.stack)
        self.directory = Path(tempfile.mkdtemp(prefix="bcryptd-live."))
        names = ("node", "nginx", "mtail", "blackbox", "prometheus")
        self.ports = dict(zip(names, free_ports(len(names))))
        self.prometheus = Prometheus(f"http://127.0.0.1:{self.ports['prometheus']}")
        self.programs: list[Program] = []

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

    def job(self, name: str, address: str, **more: Any) -> dict[str, Any]:
        labels = {"instance": HOST, "environment": ENVIRONMENT}
        return {
            "job_name": name,
            "static_configs": [{"targets": [address], "labels": labels}],
            **more,
        }

    def configuration(self) -> dict[str, Any]:
        interval = f"{self.scrape_s}s"
        probed = {
            "metrics_path": "/probe",
            "params": {
                "module": ["https"],
                "target": [f"https://localhost:{self.stack.https_port}/"],
            },
        }
        return {
            "global": {"scrape_interval": interval, "evaluation_interval": interval},
            "rule_files": [str(self.directory / "rules-*.yml")],
            "scrape_configs": [
                self.job("bcryptd", f"127.0.0.1:{self.stack.internal_port}"),
                *(self.job(name, self.address(name)) for name in self.ports),
                self.job("probe", self.address("blackbox"), **probed),
            ],
        }

    def write_rules(self) -> None:
        """The repository's, but all evaluated at the pace of this host: a test is short."""
        for path in (ROOT / "monitoring" / "rules").glob("*.yml"):
            rules = yaml.safe_load(path.read_text())
            for group in rules["groups"]:
                group.pop("interval", None)
            (self.directory / f"rules-{path.name}").write_text(yaml.safe_dump(rules))

    def write_configuration(self) -> None:
        self.write_rules()
        text = yaml.safe_dump(self.configuration())
        (self.directory / "prometheus.yml").write_text(text)
        # The certificate of a test is its own authority. No route is at "/": 404 is right.
        module = {
            "prober": "http",
            "http": {
                "valid_status_codes": [404],
                "tls_config": {"ca_file": str(self.stack.run_dir / "certificate.pem")},
            },
        }
        text = yaml.safe_dump({"modules": {"https": module}})
        (self.directory / "blackbox.yml").write_text(text)

    def commands(self) -> dict[str, list[str]]:
        internal = f"http://127.0.0.1:{self.stack.internal_port}"
        return {
            "node": [
                "prometheus-node-exporter",
                f"--web.listen-address={self.address('node')}",
                f"--collector.textfile.directory={self.directory}",
            ],
            "nginx": [
                "prometheus-nginx-exporter",
                f"-web.listen-address={self.address('nginx')}",
                f"-nginx.scrape-uri={internal}/nginx_status",
            ],
            "mtail": [
                "mtail",
                "-logtostderr",
                "-address=127.0.0.1",
                f"-port={self.ports['mtail']}",
                f"-progs={ROOT / 'monitoring' / 'bcryptd.mtail'}",
                f"-logs={self.stack.run_dir / 'access.log'}",
            ],
            "blackbox": [
                "prometheus-blackbox-exporter",
                f"--config.file={self.directory / 'blackbox.yml'}",
                f"--web.listen-address={self.address('blackbox')}",
            ],
            "prometheus": [
                "prometheus",
                f"--config.file={self.directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={self.directory / 'data'}",
                f"--web.listen-address={self.address('prometheus')}",
            ],
        }

    def start(self) -> None:
        self.stack.start()
        self.write_configuration()
        for name, command in self.commands().items():
            self.programs.append(Program(name, self.directory, command))
        self.wait_for("each job up", lambda: self.prometheus.up() >= set(JOBS))

    def wait_for(self, what: str, probe: Any) -> Any:
        """As eventually, at a pace that suits Prometheus; fails at once when a program ends."""

        def attempt() -> Any:
            for program in self.programs:
                program.check()
            try:
                return probe()
            except (OSError, json.JSONDecodeError):  # Prometheus begins to listen, and to be ready
                return False

        return eventually(what, attempt, pause_s=0.25)

    def wait_above(self, expr: str, least: float = 0) -> None:
        self.wait_for(f"{expr} > {least}", lambda: self.prometheus.value(expr) > least)

    def wait_for_rate(self, selector: str) -> None:
        """Until a series has the two values that a rate needs."""
        self.wait_above(f"count(count_over_time({selector}[15s]) >= 2)")

    def wait_until(self, moment: float) -> None:
        """A moment of the monotonic clock; a load goes on until then."""
        self.wait_for("the time", lambda: time.monotonic() >= moment)

    def kill_worker(self) -> None:
        """One that computes, as the kernel would for memory, so that its request is repeated."""

        def busy() -> list[int]:
            rows = self.stack.status()["workers"]
            return [row["pid"] for row in rows if row["state"] == "busy" and row["pid"]]

        def killed() -> bool:
            """A stopped one cannot answer while its state is looked at again."""
            for pid in busy():
                os.kill(pid, signal.SIGSTOP)
                late = pid not in busy()
                os.kill(pid, signal.SIGCONT if late else signal.SIGKILL)
                if not late:
                    return True
            return False

        eventually("a busy worker is killed", killed)

    def capacity(self) -> float:
        """Hashes a second that the host can compute, of those that it has computed."""
        lanes = self.prometheus.value("bcryptd_lanes")
        hashes = self.prometheus.value("bcryptd_hash_duration_seconds_count")
        return lanes * hashes / self.prometheus.value("bcryptd_hash_duration_seconds_sum")

    def cause(self) -> None:
        """What the series are about: calm, clients that go too far, a death, more than fits."""
        self.traffic.begin(honest=4, wrong=2, abuser=1)
        self.wait_for_rate('bcryptd_nginx_requests_total{route="other"}')
        self.wait_for_rate('bcryptd_nginx_requests_total{route!="other",code="422"}')
        self.kill_worker()
        self.wait_above("bcryptd_nginx_repeated_total")
        self.wait_for_rate("bcryptd_nginx_repeated_total")
        self.wait_above('bcryptd_worker_exits_total{reason="signal"}')
        self.traffic.begin(honest=60, abuser=30)
        self.wait_for_rate('bcryptd_nginx_requests_total{route!="other",code="429"}')
        self.wait_above('bcryptd_nginx_refused_total{refused_by="client-rate"}')
        self.wait_above('bcryptd_nginx_requests_total{route!="other",code="503"}')
        self.traffic.begin(honest=6, wrong=1, abuser=1)
        self.wait_for_rate("bcryptd_nginx_request_duration_seconds_count")
        for promise in ("availability", "latency"):
            self.wait_above(f"count(fleet:bcryptd_{promise}_errors:ratio_rate6h)")

    def __enter__(self) -> "Live":
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        self.traffic.end()
        for program in reversed(self.programs):
            program.end()
        self.stack.__exit__()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __exit__(self, *_: object) -> None:
        self.close()
