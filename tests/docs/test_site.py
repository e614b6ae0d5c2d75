"""The site of the documents, built once: whole, and without a word to another host."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from docs import repository
from docs.links import LINES
from docs.markdown import parse, read
from docs.site import Page, Site, asked_by_style, parts
from support.daemon import ROOT

DOCUMENTS = repository.documents()
# What the policy may name beside the site itself: nothing that another host has.
WITHIN_A_PAGE = {
    "script-src": {"'unsafe-inline'"},
    "style-src": {"'unsafe-inline'"},
    "img-src": {"data:"},
    "worker-src": {"blob:"},
}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    directory = tmp_path_factory.mktemp("site")
    command = [str(ROOT / "script/docs-site"), "--output", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return Site(directory)


def page_of(site: Site, name: str) -> Page:
    """The page of a file or directory of the repository."""
    return site.pages[repository.address(repository.site_path(name))]


def test_nothing_is_asked_of_another_host(site: Site) -> None:
    assert list(site.foreign()) == []


def test_browsers_ask_no_other_host_whatever_the_theme_does(site: Site) -> None:
    for name, page in site.pages.items():
        if name != "404.html":
            policy = {rule.split()[0]: set(rule.split()[1:]) for rule in page.policy.split(";")}
            assert policy["default-src"] == policy["base-uri"] == {"'none'"}, name
            for kind, sources in policy.items():
                assert sources <= {"'none'", "'self'"} | WITHIN_A_PAGE.get(kind, set()), (
                    name,
                    kind,
                )


def test_each_link_leads_to_a_page_and_each_fragment_to_an_id(site: Site) -> None:
    assert list(site.wrong_links()) == []


def nav() -> Iterator[str]:
    """The documents that mkdocs.yml names; one with / at its end is all of a directory."""

    def leaves(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            for value in entry.values():
                yield from leaves(value)
        elif isinstance(entry, list):
            for each in entry:
                yield from leaves(each)

    yield from leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_in_the_menu(site: Site, name: str) -> None:
    path = name.removeprefix(repository.DOCS)
    assert any(path == each or each.endswith("/") and path.startswith(each) for each in nav())
    target = repository.address(path)
    menu = {site.target("index.html", link) for link in site.pages["index.html"].links}
    assert target in menu


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_looks_as_on_github(site: Site, name: str) -> None:
    """As many tables, rows, lists, blocks and pictures, and the same anchors."""
    page, document = page_of(site, name), read(ROOT / name)
    assert page.parts == parts(document)
    assert document.anchors() - page.ids == set()


def linked_files() -> set[tuple[str, str]]:
    """What documents link outside of docs/ or beside its documents, with the number of a line."""
    found = set()
    for name in DOCUMENTS:
        for link in read(ROOT / name).links:
            target = repository.target_of(name, link.target)
            line = LINES.fullmatch(link.target.partition("#")[2])
            if target is not None and repository.site_path(target).startswith(repository.PREFIX):
                found.add((target, line[1] if line else ""))
    return found


def test_linked_files_have_pages_with_these_lines(site: Site) -> None:
    linked = linked_files()
    assert len(linked) > 3
    for name, line in linked:
        page = page_of(site, name)
        assert not line or f"L{line}" in page.ids, (name, line)


@pytest.mark.parametrize("name", ["docs/openapi.yaml", "monitoring/rules/recording.yml"])
def test_a_file_is_shown_whole_with_its_numbers(site: Site, name: str) -> None:
    page, lines = page_of(site, name), (ROOT / name).read_text().splitlines()
    assert {f"L{number + 1}" for number in range(len(lines))} <= page.ids
    assert f"L{len(lines) + 1}" not in page.ids


def test_the_manual_is_a_page(site: Site) -> None:
    assert "OPTIONS" in page_of(site, "docs/man/bcryptd.8").text


def test_search_knows_the_documents(site: Site) -> None:
    index = (site.directory / "search/search_index.json").read_text()
    assert "queue-target-ms" in index and "monitoring/rules/recording.yml" in index


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.touch()
    command = [str(ROOT / "script/docs-site"), "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "is no such site" in done.stderr
    assert kept.exists()


# What finds faults, tried on faults.

ASKING = """<head><link rel="preconnect" href="https://a.example"><link rel="stylesheet" href="s.css">
<script src="//b.example/x.js"></script></head><body><article><img src="https://c.example/p.png">
<p style="background: url('https://d.example/p.png')"><a href="https://e.example/">only a link</a>
<table><tr><td></td></tr></table></article><a href="nothing/">n</a> <a href="#no">i</a></body>"""


@pytest.fixture
def bad(tmp_path: Path) -> Site:
    (tmp_path / "index.html").write_text(ASKING)
    (tmp_path / "s.css").write_text("@import 'https://f.example/s.css'; a { b: url(data:x) }")
    return Site(tmp_path)


def test_what_is_asked_of_others_is_found(bad: Site) -> None:
    found = {address.split("/")[2] for address in bad.foreign()}
    assert found == {f"{letter}.example" for letter in "abcdf"}


def test_broken_links_are_found(bad: Site) -> None:
    assert [each.partition(": ")[2] for each in bad.wrong_links()] == [
        "nothing/: no such file",
        "#no: no such id",
    ]


def test_a_part_that_is_missing_is_found(bad: Site) -> None:
    assert bad.pages["index.html"].parts == {"img": 1, "table": 1, "tr": 1}
    wanted = parts(parse("| a |\n|---|\n| b |\n\n- c\n\n![d](e.png)\n"))
    assert wanted == {"img": 1, "table": 1, "tr": 2, "ul": 1, "li": 1}


def test_an_address_within_a_style() -> None:
    assert asked_by_style("a { b: url(c.svg) }") == ["c.svg"]
