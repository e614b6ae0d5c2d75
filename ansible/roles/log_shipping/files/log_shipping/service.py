"""bcryptd's entries of the journal, as the lines that bcryptd itself would write."""

import json
import re
from datetime import datetime, timezone
from typing import Any

from systemd.journal import Reader

from log_shipping.record import Position, Record

NAME = "service"
UNIT = "bcryptd.service"
# By syslog's priority: OpenTelemetry's name and number, as in bcryptd's own lines.
SEVERITIES = (
    ("FATAL", 21),
    ("FATAL", 21),
    ("FATAL", 21),
    ("ERROR", 17),
    ("WARN", 13),
    ("INFO", 10),
    ("INFO", 9),
    ("DEBUG", 5),
)
PREFIX = "BCRYPTD_"
ALWAYS = ("EVENT", "ROLE", "NUMBER")
TEXTS = ("REQUEST_ID", "VERSION")
WHOLE = re.compile(r"-?[0-9]{1,18}")
FIRST_LINE = re.compile(r"bcryptd (\S+) logs to the journal")


def value(name: str, text: Any) -> str | int:
    whole = str(text)
    return int(whole) if name not in TEXTS and WHOLE.fullmatch(whole) else whole


def timestamp(entry: dict[str, Any]) -> str:
    when: datetime = entry.get("_SOURCE_REALTIME_TIMESTAMP") or entry["__REALTIME_TIMESTAMP"]
    return when.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unique(cursor: str) -> str:
    """The journal's own number of an entry, by which a repetition is known."""
    parts = dict(part.split("=", 1) for part in cursor.split(";"))
    return f"{parts['s']}-{parts['i']}"


def convert(entry: dict[str, Any], host: str, version: str | None) -> dict[str, Any]:
    text, number = SEVERITIES[int(entry.get("PRIORITY", 6)) & 7]
    line: dict[str, Any] = {
        "timestamp": timestamp(entry),
        "severity_text": text,
        "severity_number": number,
        # What libraries print has no event.
        "event.name": entry.get("BCRYPTD_EVENT", "output"),
        "body": str(entry.get("MESSAGE", "")),
        "service.name": "bcryptd",
    }
    if version is not None:
        line["service.version"] = version
    line["process.pid"] = int(entry.get("_PID", 0))
    for name in ("ROLE", "NUMBER"):
        if PREFIX + name in entry:
            line[f"bcryptd.{name.lower()}"] = value(name, entry[PREFIX + name])
    line["host.name"] = host
    line["log.record.uid"] = unique(entry["__CURSOR"])
    for key in sorted(entry):
        name = key.removeprefix(PREFIX)
        if name != key and name not in ALWAYS:
            line[f"bcryptd.{name.lower()}"] = value(name, entry[key])
    return line


class Service:
    """Only what the journal itself says to be of the unit: anybody may write bcryptd's name."""

    name = NAME

    def __init__(self, host: str, position: Position | None) -> None:
        self.host = host
        self.version: str | None = None
        self.reader = Reader()
        self.reader.add_match(_SYSTEMD_UNIT=UNIT)
        if position is None:
            self.reader.seek_head()
            return
        self.version = position["version"]
        self.reader.seek_cursor(position["cursor"])
        entry = self.reader.get_next()
        if entry and entry["__CURSOR"] != position["cursor"]:
            # That entry is gone, and this one is after it.
            self.reader.get_previous()

    def next(self) -> Record | None:
        entry = self.reader.get_next()
        if not entry:
            self.reader.process()
            entry = self.reader.get_next()
        if not entry:
            return None
        if match := FIRST_LINE.fullmatch(str(entry.get("MESSAGE"))):
            self.version = match[1]
        line = convert(entry, self.host, self.version)
        position = {"cursor": entry["__CURSOR"], "version": self.version}
        return Record(NAME, json.dumps(line, separators=(",", ":")).encode(), position)

    def left(self, position: Position | None) -> int:
        """What was read is all that is known."""
        return 0
