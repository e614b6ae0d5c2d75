"""Each link of each document leads somewhere. Those to other hosts are looked at, not followed: tests use no
network."""

from pathlib import Path

import pytest

from docs.links import wrong_links
from docs.markdown import documents, parse, read
from support.daemon import ROOT

NAMES = [path.relative_to(ROOT).as_posix() for path in documents()]


@pytest.mark.parametrize("name", NAMES)
def test_links(name: str) -> None:
    assert list(wrong_links(ROOT / name, read(ROOT / name))) == []


def test_there_are_links() -> None:
    assert sum(len(read(ROOT / name).links) for name in NAMES) > 200


TEXT = """# A Heading

[a](../../README.md) [b](#a-heading) [c](#a-heading-1) [d](../../script/test#L2) [e](../../nginx)
![picture](../../docs/images/request.svg) [f](https://example.org/a) <https://example.org/>
[g](../../README.md#try-it) `[not](one)` [h](<../../README.md>)

## A heading

## `code` & "marks", (all) of_them: 1.5 %

[i](#code--marks-all-of_them-15-)
"""


def wrong(text: str) -> list[str]:
    return list(wrong_links(Path(__file__), parse(text)))


def test_right_links() -> None:
    assert wrong(TEXT) == []
    assert len(parse(TEXT).links) == 11


@pytest.mark.parametrize(
    "link, reason",
    [
        ("[a](nothing.md)", "there is no such file"),
        ("![a](nothing.svg)", "there is no such file"),
        ("[a][b]\n\n[b]: nothing.md", "there is no such file"),
        ("[a](../../README.md#nothing)", "README.md has no heading #nothing"),
        ("[a](#nothing)", "no heading #nothing"),
        ("# A\n# A\n\n[a](#a-2)", "no heading #a-2"),
        ("[a](../../script/test#L99999)", "test has"),
        ("[a](../../script/test#L3-L2)", "test has"),
        ("[a](../../script/test#part)", "only #L<number>"),
        ("[a](../../nginx#L1)", "a directory has no lines"),
        ("[a](../../../other/README.md)", "it leaves the repository"),
        ("[a](../../.git/config)", "there is no such file"),
        ("[a](http://example.org/)", "only https leads outside"),
        ("[a](https://example/)", "'example' is no host's name"),
        ("[a](https://example.org:99999/)", "Port out of range"),
        ("[a](ftp://example.org/)", "only https leads outside"),
        ("![a](https://example.org/a.png)", "an image of elsewhere"),
    ],
)
def test_a_wrong_link_is_found(link: str, reason: str) -> None:
    (found,) = wrong(link)
    assert reason in found
