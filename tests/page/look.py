"""What can be computed of how the page looks."""

import math
from typing import Any

from page.browser import Browser
from support.waiting import eventually

# Each text that is seen: its colour, and those of what is behind it from the nearest on.
TEXTS = """
const texts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const parent = walker.currentNode.parentElement;
  const text = walker.currentNode.textContent.trim();
  const box = parent.getBoundingClientRect();
  if (text === "" || parent.closest("script, noscript, .unseen, .skip") || box.width <= 1) continue;
  const own = getComputedStyle(parent);
  const grounds = [];
  for (let e = parent; e; e = e.parentElement) grounds.push(getComputedStyle(e).backgroundColor);
  texts.push([text, parent.closest("svg") ? own.fill : own.color, grounds]);
}
return texts;
"""

# Each element that sticks out to the right of the window.
WIDE = """
return [...document.body.querySelectorAll("*")]
  .filter((e) => !e.closest(".unseen, .skip, thead, svg") || e.tagName === "svg")
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5)
  .map((e) => e.outerHTML.slice(0, 120));
"""


def channels(color: str) -> list[float]:
    """Of "rgb(1, 2, 3)" or "rgba(1, 2, 3, 0.4)"."""
    return [float(part) for part in color[color.index("(") + 1 : -1].split(",")]


def luminance(color: str) -> float:
    """As WCAG defines it."""
    shares = [value / 255 for value in channels(color)[:3]]
    red, green, blue = [
        share / 12.92 if share <= 0.04045 else math.pow((share + 0.055) / 1.055, 2.4)
        for share in shares
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(text: str, ground: str) -> float:
    light, dark = sorted((luminance(text), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def opaque(color: str) -> bool:
    return len(channels(color)) == 3 or channels(color)[3] == 1


def contrasts(browser: Browser) -> dict[str, float]:
    """Of each text that is seen, against what is behind it."""
    found: list[Any] = browser.run(TEXTS)
    assert len(found) > 40, "the page is not there"
    return {
        text: contrast(color, next(ground for ground in grounds if opaque(ground)))
        for text, color, grounds in found
    }


def faint(browser: Browser) -> dict[str, float]:
    """The texts that WCAG AA calls hard to read."""
    return {text: value for text, value in contrasts(browser).items() if value < 4.5}


def assert_fits(browser: Browser) -> None:
    """Nothing is to be reached by scrolling sideways, once the charts have taken their new width."""
    eventually("no part is too wide", lambda: browser.run(WIDE) == [], limit_s=20)
    width, inner = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert width <= inner
