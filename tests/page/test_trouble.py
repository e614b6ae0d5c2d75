"""What the page shows when the service is overloaded, hurt, stopped or gone."""

import os
import signal
import socket
from pathlib import Path

from page.browser import Browser
from page.look import assert_fits, faint
from support.daemon import FAULTY, HOLD, LANES, START_HASHES
from support.load import clients
from support.stack import Stack
from support.waiting import eventually

# Who waits for a worker is shed, on a fast machine as well: one hash takes about the deadline. Who
# finds a worker free is always served.
OVERLOADED = {"BCRYPTD_COST": "11", "BCRYPTD_DEADLINE_MS": "60"}


def shed(browser: Browser) -> float:
    return browser.number("#sheds [data-now]") or 0


def warnings(browser: Browser) -> str:
    return browser.text("#warnings")


def test_overload_is_shown_while_it_lasts(browser: Browser) -> None:
    with Stack(**OVERLOADED) as own:
        browser.open(own)
        browser.wait_text("#state-text", "Ready")
        assert warnings(browser) == ""
        with clients(own, 16, pause_s=0.02):
            eventually("sheds", lambda: shed(browser) > 0)
            browser.wait_text("#state-text", "Ready, overloaded")
            assert "Overload" in warnings(browser)
            assert faint(browser) == {}
            # The page goes on, and so do its values.
            answers, requests = browser.answers(), browser.number("#requests-total")
            browser.wait_answers(answers + 4)
            assert requests is not None
            assert (browser.number("#requests-total") or 0) > requests
            assert "No answer" not in browser.text("#announcement")
            browser.size(360, 800)
            assert_fits(browser)
        reasons = own.metrics()
        assert any(v > 0 for name, v in reasons.items() if name.startswith("bcryptd_shed_total"))
        eventually("over", lambda: browser.text("#state-text") == "Ready")
        eventually("no warning", lambda: warnings(browser) == "")
        assert browser.console() == []


def test_a_service_that_is_gone_and_comes_back(browser: Browser) -> None:
    with Stack() as own:
        browser.open(own, answers=3)
        own.stop()
        browser.wait_text("#state-text", "No answer for ")
        assert browser.text("#announcement") == "No answer"
        first = browser.text("#state-text")
        eventually("counts on", lambda: browser.text("#state-text") not in (first, ""))
        assert browser.text("#throughput [data-now]") == "–"
        assert "the last answer" in warnings(browser)
        assert faint(browser) == {}
        assert browser.driver.title.startswith("No answer")
        browser.media("dark")
        assert faint(browser) == {}
        answers = browser.answers()
        own.start()
        browser.wait_answers(answers + 3)
        assert browser.text("#state-text") == "Ready"
        assert browser.text("#announcement") == "Ready. Replaced: worker 1, 2"
        # Counters that began anew are no negative rate, and the silence is a gap in the line.
        throughput = browser.number("#throughput [data-now]")
        assert throughput is not None and throughput >= 0
        line = browser.run("return document.querySelector('#lanes .line').getAttribute('d')")
        assert line.count("M") == 2


def test_a_service_that_comes_back_with_fewer_workers(browser: Browser) -> None:
    rows = (
        "return [...document.querySelectorAll('#worker-rows tr')].map((row) => row.dataset.worker)"
    )
    with Stack(BCRYPTD_WORKERS="2") as own:
        browser.open(own)
        assert browser.run(rows) == ["1", "2"]
        own.stop()
        own.settings["BCRYPTD_WORKERS"] = "1"
        own.start()
        eventually("one row", lambda: browser.run(rows) == ["1"])
        assert browser.text("#workers-up") == "1 of 1"


def test_nginx_without_bcryptd_and_a_drained_machine(browser: Browser) -> None:
    with Stack() as own:
        browser.open(own)
        path = next(own.run_dir.glob("sockets/status.sock"))
        path.rename(path.with_suffix(".away"))
        browser.wait_text("#state-text", "(nginx answers 503)")
        path.with_suffix(".away").rename(path)
        eventually("back", lambda: browser.text("#state-text") == "Ready")
        (own.run_dir / "drain").touch()
        browser.wait_text("#state-text", "Not ready: Drained")
        assert faint(browser) == {}
        (own.run_dir / "drain").unlink()
        eventually("in service", lambda: browser.text("#state-text") == "Ready")


def test_a_killed_worker_is_another_one_in_its_row(browser: Browser) -> None:
    with Stack() as own:
        browser.open(own)
        cell = "[data-worker='1'] [data-label='PID']"
        pid = int(browser.text(cell))
        assert pid == own.status()["workers"][0]["pid"]
        os.kill(pid, signal.SIGKILL)
        eventually("replaced", lambda: browser.text(cell) not in ("–", str(pid)))
        assert int(browser.text(cell)) == own.status()["workers"][0]["pid"]
        mark = "return !document.querySelector(\"[data-worker='1'] .mark\").hidden"
        assert browser.run(mark)
        assert not browser.run(mark.replace("'1'", "'2'"))
        eventually("said", lambda: "Replaced: worker 1" in browser.text("#announcement"))
        assert faint(browser) == {}


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_stop_that_waits_for_its_last_request(browser: Browser) -> None:
    long = {"BCRYPTD_COST": "16", "BCRYPTD_MAX_COST": "16", "BCRYPTD_STOP_TIMEOUT_MS": "60000"}
    with Stack(**{**HOLD, **long}) as own:
        browser.open(own)
        with socket.create_connection(("127.0.0.1", own.http_port)) as client:
            client.sendall(b"GET /gethash/a/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            eventually("busy", lambda: browser.number("#lanes [data-now]") == 1)
            os.kill(parent(own.worker_pids()[0]), signal.SIGTERM)
            eventually("stopping", lambda: browser.text("#state-text") == "Stopping")
            assert "Stopping: no new requests" in warnings(browser)


class FaultyStack(Stack):
    """Its lanes compute a wrong hash, but for the first few."""

    binary = FAULTY


def test_a_fallback_of_the_engine_is_told(browser: Browser) -> None:
    fault = {"BCRYPTD_TEST_FAULT": f"0:{START_HASHES + 7}", "BCRYPTD_CROSS_CHECK_EVERY": "1"}
    with FaultyStack(**{**LANES, **fault}) as own:
        browser.open(own)
        with clients(own, 5, pause_s=0.02):
            eventually("told", lambda: "Engine fallback" in warnings(browser))
        assert "libxcrypt" in warnings(browser)
        eventually("row", lambda: "libxcrypt" in browser.text("[data-worker='1']"))
        assert faint(browser) == {}
