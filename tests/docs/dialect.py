"""A document as Python-Markdown has to be given it, so that it makes what GitHub makes."""

import re

from docs.markdown import Document, parse

APART = {"bullet_list_open", "ordered_list_open", "table_open", "fence", "blockquote_open"}
IN_CODE = re.compile(r"(`+)(.+?)\1")


def with_anchors(lines: list[str], document: Document) -> None:
    """Each heading with the id that GitHub gives it."""
    for heading in document.headings:
        line = lines[heading.line - 1]
        assert line.startswith("#"), f"line {heading.line}: a heading begins with #"
        lines[heading.line - 1] = f"{line.rstrip()} {{: #{heading.anchor} }}"


def with_plain_bars(lines: list[str], document: Document) -> None:
    """In code of a table, GitHub reads \\| as a bar, and Python-Markdown needs no mark there."""
    for token in document.tokens:
        if token.type == "table_open" and token.map:
            for number in range(*token.map):
                lines[number] = IN_CODE.sub(lambda x: x[0].replace("\\|", "|"), lines[number])


def set_apart(lines: list[str], document: Document) -> None:
    """A list, a table or a block of code may follow a line of text at once on GitHub."""
    begins = {
        token.map[0]
        for token in document.tokens
        if token.type in APART and token.level == 0 and token.map
    }
    for number in sorted(begins, reverse=True):
        if number and lines[number - 1].strip():
            lines.insert(number, "")


def adapted(text: str) -> str:
    document = parse(text)
    lines = text.split("\n")
    with_anchors(lines, document)
    with_plain_bars(lines, document)
    set_apart(lines, document)
    return "\n".join(lines)
