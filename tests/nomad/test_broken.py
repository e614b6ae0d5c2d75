"""The checks of the files below nomad/ find what is wrong: each case is such a file with one mistake in it."""

from functools import cache
from typing import NamedTuple

import pytest

from nomad.hcl import Document, HclError, parse_all
from nomad.project import NOMAD, kind, rules


class Case(NamedTuple):
    name: str
    old: str
    new: str
    found: str  # in the one problem that the mistake makes


JOB = "bcryptd.nomad.hcl"
BALANCER = "load-balancer.nomad.hcl"
CLIENTS = "autoscaler/policies/clients.hcl"
AUTOSCALER = "autoscaler/agent.hcl"
ACL = "autoscaler/policy.hcl"
MACHINES = "autoscaler/policy-clients.hcl"
CLIENT = "agent/client.hcl"

CASES = [
    # Names of a job.
    Case(JOB, "  reschedule {", "  reshedule {", "job bcryptd: unknown block 'reshedule'"),
    Case(JOB, "auto_revert ", "autorevert  ", "update: unknown attribute 'autorevert'"),
    Case(JOB, '    task "nginx" {', '    tusk "nginx" {', "unknown block 'tusk'"),
    Case(JOB, '      port     = "https"\n', '      shutdown_delay = "5s"\n      port = "https"\n',
         "service: unknown attribute 'shutdown_delay'"),
    Case(JOB, '        interval = "5s"\n', '        interval = "5s"\n        grace = "5s"\n',
         "check: unknown attribute 'grace'"),
    Case(JOB, "    ephemeral_disk {", '    logs {\n      max_files = 1\n    }\n\n    ephemeral_disk {',
         "group bcryptd: unknown block 'logs'"),
    Case(JOB, "    scaling {\n", '    scaling "cpu" {\n', "'scaling' is a block, its labels are 0"),
    Case(JOB, "    ephemeral_disk {\n      size = 300\n    }", "    ephemeral_disk = 200",
         "'ephemeral_disk' is a block"),
    Case(JOB, '      user         = var.user\n', "      user {\n        name = var.user\n      }\n",
         "'user' is an attribute, not a block"),
    Case(JOB, '          perms         = "0400"\n', '          mode = "0400"\n',
         "template: unknown attribute 'mode'"),
    Case(BALANCER, '          wait {\n', '          wiat {\n', "template: unknown block 'wiat'"),
    Case(JOB, 'dynamic "artifact" {', 'dynamic "artefact" {', "unknown block 'artefact'"),
    Case(BALANCER, "for_each = local.secrets\n", "foreach = local.secrets\n",
         "unknown attribute 'foreach' of dynamic 'template'"),
    Case(BALANCER, "        for_each = local.nginx_files\n", "", "no 'for_each' in dynamic 'template'"),
    Case(JOB, '          command  = "/bin/sh"\n', '          comand   = "/bin/sh"\n',
         "config: unknown attribute 'comand'"),
    Case(JOB, '          command  = local.bcryptd_command\n', '          image = local.bcryptd_command\n',
         "config: unknown attribute 'image'"),
    Case(JOB, 'for_each = var.driver == "docker" ? [1] : []', 'for_each = var.driver == "podman" ? [1] : []',
         "no names are known of 'config' with the driver 'podman'"),
    Case(JOB, 'for_each = var.driver == "docker" ? [1] : []', 'for_each = [1]',
         "no names are known of 'config' with the driver None"),
    Case(JOB, 'strategy "target-value" {', 'strategy "targetvalue" {',
         "no names are known of 'strategy' with the label 'targetvalue'"),
    Case(JOB, "            lower_bound           = 0.1\n", "            lowest                = 0.1\n",
         "strategy threshold: unknown attribute 'lowest'"),
    Case(JOB, 'hook    = "prestart"', 'hook    = "before"', "lifecycle: 'hook' is never 'before'"),
    Case(JOB, 'change_mode     = "noop"', 'change_mode     = "none"', "'change_mode' is never 'none'"),
    # Names of the other files.
    Case("agent/agent.hcl", "verify_https_client ", "verify_http_client  ", "tls: unknown attribute"),
    Case("agent/server.hcl", "  heartbeat_grace ", "  hartbeat_grace  ", "server: unknown attribute"),
    Case("agent/server.hcl", "bootstrap_expect = 3", 'bootstrap_expect = "${var.servers}"', "nothing is evaluated here"),
    Case(CLIENT, "  reserved {", "  reserve {", "client: unknown block 'reserve'"),
    Case(CLIENT, "  max_kill_timeout ", "  kill_timeout ", "client: unknown attribute 'kill_timeout'"),
    Case(CLIENT, "    allow_privileged = false\n", "    privileged = false\n",
         "plugin docker / config: unknown attribute 'privileged'"),
    Case(CLIENT, 'plugin "raw_exec" {', 'plugin "rawexec" {', "with the label 'rawexec'"),
    Case(AUTOSCALER, "  bind_port ", "  port ", "http: unknown attribute 'port'"),
    Case(AUTOSCALER, 'address = "http', 'url = "http', "apm prometheus / config: unknown attribute 'url'"),
    Case(AUTOSCALER, 'driver = "nomad-target"', 'driver = "nomad"', "'driver' is never 'nomad'"),
    Case(CLIENTS, "      mig_name ", "      mig ", "target gce-mig: unknown attribute 'mig'"),
    Case(CLIENTS, '    target "gce-mig" {', '    target "gce" {', "with the label 'gce'"),
    Case(CLIENTS, '    on_check_error = "fail"', '    on_error = "fail"', "policy: unknown attribute"),
    Case(ACL, 'namespace "default" {', 'namespaces "default" {', "unknown block 'namespaces'"),
    Case(ACL, '"list-jobs"', '"list-job"', "'capabilities' is never 'list-job'"),
    Case(MACHINES, 'node {\n  policy = "write"', 'node {\n  policy = "scale"', "'policy' is never 'scale'"),
    # Variables.
    Case(JOB, '  description = "Catalogue of the services."\n', "", "variable provider: no description"),
    Case(JOB, "  type        = bool\n", "", "variable measure: no type"),
    Case(JOB, '  default     = "exec"\n', "", "variable driver: no default"),
    Case(JOB, "  default     = 500\n", '  default     = "500"\n', "variable cpu_shares: the default is no"),
    Case(JOB, "  default     = []\n", "  default     = [1]\n", "unlimited_networks: the default is no"),
    Case(JOB, "  type        = map(string)\n", "  type        = object({})\n", "settings: the type"),
    Case(JOB, 'variable "lanes" {', 'variable "engine" {', "variable engine: declared twice"),
    Case(JOB, "    condition     = var.count >= 0\n", "", "count: a validation without condition"),
    Case(JOB, "    condition     = var.count >= 0\n", "    condition     = var.cores >= 0\n",
         "var.cores: a validation is of its own variable"),
    Case(JOB, '  validation {\n    condition     = contains(["libxcrypt", "lanes"], var.engine)\n'
         '    error_message = "The engine is libxcrypt or lanes."\n  }\n', "",
         "variable engine: a text without a validation"),
    Case(JOB, "count          = var.count", "count          = var.cuont", "var.cuont: no such variable"),
    Case(JOB, "args     = local.nginx_arguments", "args     = local.arguments", "no such local"),
    Case(JOB, "data            = template.value", "data            = tmplate.value", "no such name"),
    Case(JOB, "${template.key}", "${artifact.key}", "artifact.key: no such name"),
    Case(JOB, "floor(local.capacity / 2)", "flor(local.capacity / 2)", "flor(): no such function"),
    Case(JOB, "    memory = var.memory\n", "    memory = 64\n", "var.memory is not used"),
    Case(JOB, "locals {\n", "locals {\n  spare = 1\n", "local.spare is not used"),
    Case("vars/staging.hcl", "count_min ", "count_least ", "has no variable count_least"),
    Case("vars/staging.hcl", "cores           = 1", 'cores           = "1"', "cores is no ${number}"),
    Case("vars/production.hcl", '["10.20.0.0/24"]', '"10.20.0.0/24"', "trusted_proxies is no ${list(string)}"),
    # What the rest of the project has.
    Case(JOB, "/values.conf.j2", "/values.conf", "file(): no file nginx/values.conf"),
    Case(JOB, '"**/*.conf"', '"**/*.config"', "fileset() finds no file"),
    Case(BALANCER, '"clients", "log"', '"clients", "logs"', "no file nginx/bcryptd/logs.conf"),
    Case(JOB, "    temp_dir  ", "    tmp_dir   ", "local.values has no temp_dir"),
    Case(JOB, "  values = {\n", '  values = {\n    colour = "red"\n', "has no {{ colour }}"),
    Case(JOB, '        port     = "internal"\n', '        port     = "admin"\n', "no port admin"),
    Case(JOB, '        port     = "internal"\n', "", "the port https is not the one for checks"),
    Case(JOB, "/readyz", "/ready", "nothing answers /ready"),
    Case(BALANCER, '"/readyz"', '"/livez"', "service load-balancer: nothing answers /livez"),
    Case(JOB, "NOMAD_PORT_https", "NOMAD_PORT_tls", "no port tls"),
    Case(JOB, "BCRYPTD_POOL_SIZE ", "BCRYPTD_POOL ", "bcryptd has no setting BCRYPTD_POOL"),
    Case(JOB, "fleet:bcryptd_utilisation:", "fleet:bcryptd_use:", "nothing records fleet:bcryptd_use:"),
    Case(CLIENTS, "nomad_client_unallocated_cpu", "nomad_client_free_cpu", "nothing records nomad_client_free"),
    Case(CLIENTS, '"prometheus"', '"thanos"', "the agent has no apm 'thanos'"),
]  # fmt: skip


def broken(case: Case) -> str:
    text = (NOMAD / case.name).read_text()
    assert case.old in text, f"{case.name} has no {case.old!r}: this case is out of date"
    return text.replace(case.old, case.new, 1)


@cache
def parsed() -> dict[str, Document | HclError]:
    return parse_all({str(number): broken(case) for number, case in enumerate(CASES)})


def problems(document: Document, of: str) -> list[str]:
    return [problem for rule in rules(of).values() for problem in rule(document)]


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.found for case in CASES])
def test_a_mistake_is_found(number: int) -> None:
    case, document = CASES[number], parsed()[str(number)]
    assert isinstance(document, Document)
    assert [each for each in problems(document, kind(case.name) or "") if case.found in each]


def test_the_first_error_of_syntax_is_told_with_its_line() -> None:
    error = parse_all({"x.hcl": 'job "x" {\n  type = \n}\n'})["x.hcl"]
    assert isinstance(error, HclError) and "x.hcl:2" in str(error)


def test_a_name_that_is_given_twice_is_an_error() -> None:
    assert isinstance(parse_all({"x.hcl": "a = 1\na = 2\n"})["x.hcl"], HclError)
