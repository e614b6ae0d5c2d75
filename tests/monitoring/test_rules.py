"""The rules load, each alert fires when it should and not beside it, and says what it has to."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring import rules
from monitoring.mtail import exported_by_mtail
from support.daemon import ROOT, parse_metrics
from support.stack import Stack, free_ports
from support.waiting import eventually

ALERTS = rules.alerts()
ALWAYS = "Watchdog"  # raised all the time: nobody is told, but for a service that misses it
CASES = [
    case
    for file in rules.TEST_FILES
    for test in yaml.safe_load(file.read_text())["tests"]
    for case in test.get("promql_expr_test", [])
]


def promtool(*arguments: str) -> None:
    run = subprocess.run(
        ["promtool", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert run.returncode == 0, run.stdout


def test_rules_load() -> None:
    promtool("check", "rules", *map(str, rules.RULE_FILES))


@pytest.mark.parametrize("file", rules.TEST_FILES, ids=[file.stem for file in rules.TEST_FILES])
def test_alerts_fire_and_stay_quiet(file: Path) -> None:
    promtool("test", "rules", str(file))


def tells(case: dict[str, Any], name: str) -> bool:
    """Whether a case asks for this alert alone, or for some of which it is one."""
    found = re.search(r'alertname=(~?)"([^"]+)"', case["expr"])
    return found is not None and (name in found[2].split("|") if found[1] else name == found[2])


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_is_tested_on_both_sides(name: str) -> None:
    cases = [case["exp_samples"] for case in CASES if tells(case, name)]
    assert any(cases), "no case in which it fires"
    if name == ALWAYS:
        assert ALERTS[name]["expr"] == "vector(1)" and "for" not in ALERTS[name]
        return
    assert [] in cases, "no case in which it stays quiet"


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_says_what_it_has_to(name: str) -> None:
    alert = ALERTS[name]
    annotations = alert["annotations"]
    assert alert["labels"]["severity"] in (("none",) if name == ALWAYS else ("page", "ticket"))
    assert set(annotations) == {"summary", "description", "runbook_url", "promise"}
    assert annotations["promise"].isdigit()
    assert seconds(alert.get("for", "0s")) < int(annotations["promise"])
    runbook = (ROOT / annotations["runbook_url"]).read_text()
    assert re.search(rf"^# .*\b{name}\b", runbook), "its runbook is about another one"
    for part in ("**Meaning.**", "**Users notice**", "## Look first", "## Causes", "**It ends**"):
        assert part in runbook


def seconds(text: str) -> int:
    return sum(
        int(number) * {"s": 1, "m": 60, "h": 3600}[unit]
        for number, unit in re.findall(r"(\d+)([smh])", text)
    )


def test_index_of_the_runbooks() -> None:
    index = (rules.RUNBOOKS / "README.md").read_text()
    rows = re.findall(r"^\| \[(\w+)\]\(([\w-]+\.md)\) \| (\w+) \|", index, re.MULTILINE)
    wanted = [
        (name, Path(alert["annotations"]["runbook_url"]).name, alert["labels"]["severity"])
        for name, alert in ALERTS.items()
    ]
    assert sorted(rows) == sorted(wanted)
    files = {file.name for file in rules.RUNBOOKS.glob("*.md")} - {"README.md"}
    assert files == {name for _, name, _ in rows}


def test_expressions_of_documents(tmp_path: Path) -> None:
    expressions = [*rules.runbook_expressions(), *rules.networking_expressions()]
    assert len({name for name, _ in expressions}) > 20
    made = [{"record": f"line_{i}", "expr": expr} for i, (_, expr) in enumerate(expressions)]
    file = tmp_path / "runbooks.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": made}]}))
    promtool("check", "rules", str(file))


def test_recorded_names_exist() -> None:
    """In rules, their texts and tests, and in the runbooks: a wrong name gives no error, but no data."""
    files = [*rules.RULE_FILES, *rules.TEST_FILES, *rules.RUNBOOKS.glob("*.md"), rules.NETWORKING]
    used = {name for file in files for name in rules.RECORDED.findall(file.read_text())}
    assert used - rules.recorded() == set()


def exported_by_node_exporter(directory: Path) -> str:
    """What a real one says, with a file for its textfile collector."""
    (directory / "bcryptd_log_shipping.prom").write_text("bcryptd_log_shipping_suspended 0\n")
    address = f"127.0.0.1:{free_ports(1)[0]}"
    program = subprocess.Popen(
        [
            "prometheus-node-exporter",
            f"--web.listen-address={address}",
            f"--collector.textfile.directory={directory}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    command = ["curl", "-sf", f"http://{address}/metrics"]
    try:
        eventually(
            "node_exporter answers",
            lambda: subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0,
        )
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    finally:
        program.terminate()
        program.wait()


def test_metrics_are_exported_by_something(tmp_path: Path) -> None:
    """By bcryptd, the program for mtail, a role's file, or an exporter of Debian's."""
    sources = [ROOT / "app" / "metrics.c", ROOT / "monitoring" / "bcryptd.mtail"]
    sources += (ROOT / "ansible" / "roles").glob("*/files/**/*")
    ours = "\n".join(
        file.read_text(errors="replace")
        # A name that is made of a prefix and a rest.
        .replace("{name}_", "bcryptd_log_shipping_")
        for file in sources
        if file.is_file()
    )
    node = exported_by_node_exporter(tmp_path)
    blackbox = Path("/usr/bin/prometheus-blackbox-exporter").read_bytes()
    missing = set()
    # Prometheus's own, and what only a booted host has: tests/observe looks for it there.
    for name in rules.raw_metrics() - {"up", "node_systemd_unit_state"}:
        if name.startswith("node_"):
            there = re.search(rf"^{name}[ {{]", node, re.MULTILINE) is not None
        elif name.startswith("probe_"):
            there = name.encode() in blackbox
        else:
            family = re.sub(r"_(bucket|sum|count)$", "", name)
            there = re.search(rf"\b{family}\b", ours) is not None
        if not there:
            missing.add(name)
    assert missing == set()


def series(text: str, job: str, instance: str) -> list[dict[str, str]]:
    """Samples of an exporter that the rules read, as promtool's input: they stay as they are."""
    wanted = rules.raw_metrics()
    found = []
    for name, value in parse_metrics(text).items():
        metric, _, labels = name.rstrip("}").partition("{")
        if metric in wanted:
            all_labels = f'{labels.rstrip(",")},job="{job}",instance="{instance}",environment="p"'
            found.append(
                {"series": f"{metric}{{{all_labels.lstrip(',')}}}", "values": f"{value}x60"}
            )
    return found


def test_all_rules_together_on_what_calm_hosts_really_export(tmp_path: Path) -> None:
    """No error of evaluation (labels that do not fit), data in all that one host can have, no alert."""
    with Stack() as stack:
        assert stack.post("/v1/hash", {"password": "hunter2"}).status == 200
        log = stack.run_dir / "access.log"
        eventually("its line", log.read_text)
        bcryptd = stack.internal("/metrics").body.decode()
        mtail = exported_by_mtail(log)
    node = exported_by_node_exporter(tmp_path)
    text = {"bcryptd": bcryptd, "mtail": mtail, "node": node}
    given = [
        one
        for instance in ("a", "b")
        for job in ("bcryptd", "mtail", "node", "nginx")
        for one in series(text.get(job, "") + "\nup 1", job, instance)
    ]
    # Those that look at this machine, not at the service.
    machine = "ClockSkew|DiskFilling|MemoryPressure|LogShippingBehind"
    left_out = f"{machine}|{ALWAYS}"
    cases = [
        {
            "expr": f'count by (alertname) (ALERTS{{alertname!~"{left_out}",alertstate="firing"}})',
            "eval_time": "14m",
            "exp_samples": [],
        },
        {
            "expr": 'count by (x) ({__name__=~"instance:.*",instance="a"}) > bool 20',
            "eval_time": "14m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        },
    ]
    test = {"interval": "15s", "input_series": given, "promql_expr_test": cases}
    files = [str(file) for file in rules.RULE_FILES]
    document = {"rule_files": files, "evaluation_interval": "15s", "tests": [test]}
    file = tmp_path / "calm.test.yml"
    file.write_text(yaml.safe_dump(document))
    promtool("test", "rules", str(file))


def test_inhibitions_name_alerts() -> None:
    table = rules.inhibitions()
    assert table
    for cause, silenced, labels in table:
        assert cause in ALERTS
        assert silenced <= {*ALERTS, "all"}, cause
        assert labels in ({"environment"}, {"environment", "instance"})


def test_inhibitions_are_those_of_the_role() -> None:
    file = ROOT / "ansible" / "roles" / "alertmanager" / "vars" / "main.yml"
    role = set()
    for rule in yaml.safe_load(file.read_text())["alertmanager_inhibitions"]:
        pattern = re.fullmatch(r'=~?"(.+)"', rule["what"])
        assert pattern is not None
        names = {"all"} if pattern[1] == ".+" else set(pattern[1].split("|"))
        role |= {(rule["cause"], name, label) for name in names for label in rule["equal"]}
    table = {
        (cause, name, label)
        for cause, names, labels in rules.inhibitions()
        for name in names
        for label in labels
    }
    assert role == table
