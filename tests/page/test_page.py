"""What a browser gets, asks for and shows, of a service that only serves."""

import base64
import hashlib
import http.client
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pytest import approx

from page.browser import Browser
from support.daemon import parse_metrics
from support.load import clients
from support.stack import Stack
from support.waiting import eventually

DEFAULT_POLICY = "default-src 'none'; frame-ancestors 'none'"


def headers_of(stack: Stack, method: str, path: str) -> list[tuple[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", stack.internal_port, timeout=30)
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200 and bool(body) == (method == "GET")
    connection.close()
    return [(name.lower(), value) for name, value in response.getheaders()]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_page_comes_with_one_policy_and_that_is_its_own(stack: Stack, method: str) -> None:
    headers = headers_of(stack, method, "/")
    fields = dict(headers)
    policies = [value for name, value in headers if name == "content-security-policy"]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policies[0] and "frame-ancestors 'none'" in policies[0]
    assert fields["content-type"] == "text/html; charset=utf-8"
    assert [value for name, value in headers if name == "cache-control"] == ["no-cache"]
    assert fields["x-content-type-options"] == "nosniff"


def test_the_policy_names_the_hashes_of_what_is_sent(stack: Stack) -> None:
    answer = stack.internal("/")
    for tag in ("style", "script"):
        found = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", answer.body.decode(), re.DOTALL)
        assert len(found) == 1
        digest = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in answer.headers["content-security-policy"]


def test_all_other_replies_keep_the_policy_that_allows_nothing(stack: Stack) -> None:
    for answer in (
        stack.internal("/status"),
        stack.internal("/nowhere"),
        stack.get("/"),
        stack.get("/gethash/hunter2/"),
    ):
        assert answer.headers["content-security-policy"] == DEFAULT_POLICY


def requests_of(events: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """(what happened, request, URL if it began) in order."""
    for event in events:
        kind = event["method"].removeprefix("Network.")
        url = event["params"].get("request", {}).get("url", "")
        if kind in ("requestWillBeSent", "loadingFinished", "loadingFailed"):
            yield kind, event["params"]["requestId"], url


def test_it_asks_its_own_origin_alone_and_one_thing_at_a_time(
    browser: Browser, stack: Stack
) -> None:
    browser.open(stack, answers=4)
    open_requests: set[str] = set()
    urls = set()
    for kind, request, url in requests_of(browser.network()):
        if url.startswith("data:"):
            continue
        if kind == "requestWillBeSent":
            urls.add(url.removeprefix(browser.origin))
            open_requests.add(request)
        else:
            open_requests.discard(request)
        assert len(open_requests) <= 1
    assert urls == {"/", "/status", "/metrics", "/readyz"}
    assert browser.console() == []


def test_the_policy_holds_in_the_browser(page: Browser, stack: Stack) -> None:
    page.run(
        "window.violations = []; document.addEventListener('securitypolicyviolation',"
        "(event) => window.violations.push(event.effectiveDirective));"
        "fetch(arguments[0]).catch(() => null);"
        "const image = document.createElement('img'); image.src = arguments[0];"
        "document.body.append(image);"
        "const style = document.createElement('style'); style.textContent = 'h1 { color: red }';"
        "document.body.append(style);"
        "try { document.body.innerHTML += '<p>'; } catch { window.violations.push('html'); }",
        f"http://127.0.0.1:{stack.http_port}/",
    )
    refused = {"connect-src", "img-src", "style-src-elem", "html"}
    eventually("refused", lambda: refused <= set(page.run("return window.violations")))


class Recorder:
    """The bodies of /metrics that the browser was given, and when."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        browser.network()
        self.times: list[float] = []
        self.bodies: list[str] = []

    def read(self) -> None:
        wanted = set()
        for event in self.browser.network():
            params = event["params"]
            if params.get("request", {}).get("url", "").endswith("/metrics"):
                wanted.add(params["requestId"])
            if event["method"] == "Network.loadingFinished" and params["requestId"] in wanted:
                command = {"requestId": params["requestId"]}
                driver = self.browser.driver
                reply = driver.execute_cdp_cmd("Network.getResponseBody", command)
                self.bodies.append(reply["body"])
                self.times.append(params["timestamp"])


def quantile(share: float, counts: list[tuple[float, float]]) -> float:
    """Of (upper bound, values up to it), as Prometheus interpolates."""
    rank = share * counts[-1][1]
    below, start = 0.0, 0.0
    for bound, count in counts:
        if count >= rank:
            return start + (bound - start) * (rank - below) / (count - below)
        below, start = count, bound
    raise AssertionError("no bucket")


def grown(
    name: str, before: dict[str, float], after: dict[str, float]
) -> list[tuple[float, float]]:
    prefix = f'{name}_bucket{{le="'
    keys = [key for key in after if key.startswith(prefix)]
    return [(float(key[len(prefix) : -2]), after[key] - before[key]) for key in keys]


def total(name: str, metrics: dict[str, float]) -> float:
    return sum(value for key, value in metrics.items() if key.startswith(name + "{"))


def seconds(text: str) -> float:
    value, unit = text.split()
    return float(value) / {"ms": 1000, "s": 1}[unit]


def test_its_numbers_are_those_of_the_metrics(page: Browser, stack: Stack) -> None:
    recorder = Recorder(page)
    page.open(stack)
    with clients(stack, 3, pause_s=0.01):
        page.wait_answers(8)
        page.find("#pause").click()
        recorder.read()
    shown = page.answers()
    bodies = [parse_metrics(body) for body in recorder.bodies[:shown]]
    times, last = recorder.times[:shown], bodies[-1]
    assert len(bodies) == shown

    assert page.number("#hashes-total") == total("bcryptd_hashes_total", last)
    assert page.number("#requests-total") == total("bcryptd_requests_total", last)
    assert page.number("#lanes [data-now]") == last["bcryptd_lane_occupancy"]
    assert page.number("#lanes-limit") == last["bcryptd_lanes"] == 2
    assert page.number("#cost") == last['bcryptd_option{name="cost",unit="log2 rounds"}'] == 4

    # The browser noted the time of an answer a little later than its network did.
    ages = [times[-1] - moment for moment in times]
    rates = [
        (total("bcryptd_hashes_total", last) - total("bcryptd_hashes_total", body)) / age
        for body, age in zip(bodies, ages)
        if 3.5 <= age <= 5.5
    ]
    throughput = page.number("#throughput [data-now]")
    assert throughput is not None and throughput > 0
    assert any(throughput == approx(rate, rel=0.1) for rate in rates), (throughput, rates)
    for name, card in {"request_duration": "latency", "queue_wait": "wait"}.items():
        label = page.text(f"#{card} [data-series$='99']")
        assert label == page.text(f"#{card} [data-now]")
        expected = [
            quantile(0.99, grown(f"bcryptd_{name}_seconds", body, last))
            for body, age in zip(bodies, ages)
            if min(ages[0], 8.5) <= age <= 10.5
        ]
        assert any(seconds(label) == approx(value, rel=0.06) for value in expected), (
            label,
            expected,
        )


def test_a_row_a_worker_and_an_entry_a_socket(page: Browser, stack: Stack) -> None:
    status = stack.status()
    rows = page.run(
        "return [...document.querySelectorAll('#worker-rows tr')].map("
        "(row) => [...row.cells].map((cell) => cell.innerText.trim()))"
    )
    assert [row[0] for row in rows] == ["1", "2"]
    for row, worker in zip(rows, status["workers"]):
        assert row[1] in ("idle", "busy")
        assert row[2] == f"{worker['lanes_busy']} of {worker['lanes']}"
        assert row[3] == worker["engine"]
        assert row[5] == str(worker["pid"])
    assert page.text("#version") == status["version"]
    assert page.text("#workers-up") == "2 of 2"
    sockets = page.run(
        "return [...document.querySelectorAll('#sockets li')].map((item) => item.innerText)"
    )
    assert [text.split()[0] for text in sockets] == [row["socket"] for row in status["sockets"]]
