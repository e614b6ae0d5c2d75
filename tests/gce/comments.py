"""What stands only in the comments of Google's compute.proto: values of enumerations that the generated
schema leaves out, which enumeration a field of type string has, and which fields only the server writes."""

import re
from dataclasses import dataclass, field
from pathlib import Path

OPENING = re.compile(r"(message|enum) (\w+) \{$")
FIELD = re.compile(r"\s*(?:optional |repeated )?(?:map<[^>]+>|[\w.]+) \w+ = (\d+)\b")
ENUM_OF = re.compile(r"Check the (?:\w+\.)*(\w+) enum for the list of possible values")
MORE_VALUES = "Additional supported values"
OUTPUT_ONLY = re.compile(r"\[?output only", re.IGNORECASE)


@dataclass
class Comments:
    """Keys name a message and, in it, an enumeration or the number of a field."""

    more_values: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    enum_of: dict[tuple[str, int], str] = field(default_factory=dict)
    output_only: set[tuple[str, int]] = field(default_factory=set)


def read_comments(path: Path) -> Comments:
    """Reads a .proto file as Google's generator writes it: one declaration a line, its comment above."""
    found = Comments()
    blocks: list[tuple[str, str]] = []
    comment: list[str] = []
    for line in path.read_text().splitlines():
        text = line.strip()
        if text.startswith("//"):
            comment.append(text[2:].strip())
            continue
        if opening := OPENING.match(text):
            if opening[1] == "enum" and blocks:
                found.more_values[blocks[-1][1], opening[2]] = more_values(comment)
            blocks.append((opening[1], opening[2]))
        elif text.endswith("{"):
            blocks.append(("other", ""))
        elif text in ("}", "};"):
            blocks.pop()
        elif blocks and blocks[-1][0] == "message" and (number := FIELD.match(line)):
            note_field(found, (blocks[-1][1], int(number[1])), comment)
        comment = []
    return found


def more_values(comment: list[str]) -> list[str]:
    start = next(
        (i for i, line in enumerate(comment) if line.startswith(MORE_VALUES)), len(comment)
    )
    return [line for line in comment[start + 1 :] if re.fullmatch(r"[A-Za-z0-9_]+", line)]


def note_field(found: Comments, key: tuple[str, int], comment: list[str]) -> None:
    text = " ".join(comment)
    if enum := ENUM_OF.search(text):
        found.enum_of[key] = enum[1]
    if OUTPUT_ONLY.match(text):
        found.output_only.add(key)
