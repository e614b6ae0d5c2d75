"""The pictures in docs/images: python3 -m pytest tests/page --update-pictures."""

from page.browser import Browser
from support.daemon import ROOT
from support.load import clients
from support.stack import Stack

IMAGES = ROOT / "docs" / "images"
SETTINGS = {
    "BCRYPTD_COST": "8",
    "BCRYPTD_ENGINE": "lanes",
    "BCRYPTD_LANES": "3",
    "BCRYPTD_DEADLINE_MS": "80",
}


def test_pictures(browser: Browser) -> None:
    with Stack(**SETTINGS) as own:
        browser.open(own)
        # Two minutes: few clients, more, and more than it can serve.
        for count, answers in ((1, 20), (3, 55), (5, 75), (2, 95)):
            with clients(own, count, pause_s=0.05):
                browser.wait_answers(answers)
        with clients(own, 16, pause_s=0.02):
            browser.wait_answers(122)
            height = browser.run("return document.documentElement.scrollHeight")
            browser.size(1240, height)
            browser.save_picture(IMAGES / "page-light.png")
            browser.media("dark")
            browser.size(360, 1130, scale=1.5)
            browser.wait_answers(browser.answers() + 1)
            browser.save_picture(IMAGES / "page-dark-phone.png")
