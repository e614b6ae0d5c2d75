"""One browser, and one service for the tests that only look; those that harm it start their own."""

from collections.abc import Iterator

import pytest

from page.browser import Browser
from support.stack import Stack


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-pictures", action="store_true", help="write the page's pictures in docs/images"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The pictures are made on demand, and nothing else then."""
    wanted: bool = config.getoption("--update-pictures")
    left = [item for item in items if (item.path.name == "test_pictures.py") != wanted]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with Stack() as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """For a page of the test's own service."""
    return chromium.reset()


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Browser:
    """The page of the service that all share, loaded anew."""
    return browser.open(stack)
