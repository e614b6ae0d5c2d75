"""Light and dark, wide and narrow, by keyboard, and for screen readers."""

import pytest

from page.browser import Browser
from page.look import assert_fits, contrasts, faint, luminance
from support.waiting import eventually

BACKGROUND = "return getComputedStyle(document.body).backgroundColor"


def test_it_is_light_or_dark_as_the_reader_prefers(page: Browser) -> None:
    light = luminance(page.run(BACKGROUND))
    page.media("dark")
    dark = luminance(page.run(BACKGROUND))
    assert dark < 0.05 and light > 0.8


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out(page: Browser, scheme: str) -> None:
    page.media(scheme)
    assert faint(page) == {}
    assert "Throughput" in contrasts(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_line_stands_out(page: Browser, scheme: str) -> None:
    page.media(scheme)
    ground = luminance(
        page.run("return getComputedStyle(document.querySelector('.card')).backgroundColor")
    )
    strokes = page.run(
        "return [...document.querySelectorAll('.line')].map((e) => getComputedStyle(e).stroke)"
    )
    assert len(set(strokes)) == 3
    for stroke in strokes:
        light, dark = sorted((luminance(stroke), ground), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3


@pytest.mark.parametrize("width", [320, 360, 700, 1240])
def test_nothing_is_to_be_scrolled_sideways(page: Browser, width: int) -> None:
    page.size(width, 800)
    page.wait_answers(page.answers() + 1)
    assert_fits(page)


def test_no_motion_where_the_reader_wants_none(page: Browser) -> None:
    animation = "return getComputedStyle(document.querySelector('#state .dot')).animationName"
    assert page.run(animation) == "beat"
    page.media(motion="reduce")
    assert page.run(animation) == "none"
    moving = "return document.getAnimations().length"
    assert page.run(moving) == 0


def test_every_control_is_reached_by_tab_and_shows_it(page: Browser) -> None:
    charts = ["throughput", "latency", "wait", "sheds", "lanes", "queue"]
    order = ["#workers", "pause", *charts, "workers", "metrics", "status", "readyz"]
    ring = "return parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
    for expected in order:
        page.press("TAB")
        assert page.focused() == expected
        assert page.run(ring) >= 2
    # All that can be clicked or focused was among them.
    controls = page.run("return document.querySelectorAll('a, button, [tabindex]').length")
    assert controls == len(order)


def test_the_first_link_leads_to_the_workers(page: Browser) -> None:
    page.press("TAB", "ENTER")
    page.press("TAB")
    assert page.focused() in ("workers", "metrics")


def value_text(page: Browser) -> str:
    return str(page.run("return document.activeElement.getAttribute('aria-valuetext')"))


def test_arrow_keys_read_a_charts_values(page: Browser) -> None:
    page.wait_answers(5)
    page.run("document.querySelector('#latency .plot').focus()")
    assert value_text(page).startswith("now: p50 ")
    page.press("ARROW_LEFT")
    first = value_text(page)
    assert "p50" in first and "p99" in first and not first.startswith("now")
    page.press("ARROW_LEFT")
    second = value_text(page)
    assert second != first
    # The moment stays while time goes on, and all charts tell it.
    page.wait_answers(page.answers() + 2)
    assert value_text(page) == second
    clock = second.split(": ")[0]
    readouts = page.run(
        "return [...document.querySelectorAll('.readout')].map((e) => e.innerText.split('  ')[0])"
    )
    assert readouts == [clock] * 6
    page.press("ARROW_RIGHT")
    assert value_text(page) == first
    page.press("HOME")
    assert page.run("return Number(document.activeElement.getAttribute('aria-valuenow'))") < -2
    page.press("ESCAPE")
    assert value_text(page).startswith("now: ")
    hidden = "return [...document.querySelectorAll('.readout')].every((e) => e.hidden)"
    assert page.run(hidden)


def test_the_pointer_reads_them_too(page: Browser) -> None:
    page.wait_answers(4)
    page.run(
        "const plot = document.querySelector('#queue .plot');"
        "const box = plot.getBoundingClientRect();"
        "plot.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + 60}))"
    )
    assert page.text("#queue .readout").endswith("0")
    assert not page.run("return document.querySelector('#queue .readout').hidden")


def test_pause_by_key_and_on_again(page: Browser) -> None:
    page.run("document.querySelector('#pause').focus()")
    page.press("SPACE")
    page.wait_text("#pause", "Resume")
    assert page.text("#state-text").startswith("Paused at ")
    count = page.answers()
    page.network()
    # A second of the page's own clock, in which it would have asked.
    assert page.driver.execute_async_script("setTimeout(arguments[0], 2500, 'done')") == "done"
    asked = [e for e in page.network() if e["method"] == "Network.requestWillBeSent"]
    assert (page.answers(), asked) == (count, [])
    page.press("ENTER")
    page.wait_text("#pause", "Pause")
    page.wait_answers(count + 1)
    page.wait_text("#state-text", "Ready")


def test_screen_readers_hear_of_changes_alone(page: Browser) -> None:
    live = "return [...document.querySelectorAll('[aria-live]')].map((e) => [e.id, e.ariaLive])"
    assert page.run(live) == [["announcement", "polite"]]
    eventually("said", lambda: page.text("#announcement") == "Ready")
    page.run(
        "window.said = 0; new MutationObserver(() => window.said++)"
        ".observe(document.querySelector('#announcement'), {childList: true, characterData: true,"
        " subtree: true})"
    )
    page.wait_answers(page.answers() + 3)
    assert page.run("return window.said") == 0
    named = page.run(
        "return [...document.querySelectorAll('[role=slider], [role=region], section')]"
        ".every((e) => e.ariaLabel || document.getElementById(e.getAttribute('aria-labelledby')))"
    )
    assert named
