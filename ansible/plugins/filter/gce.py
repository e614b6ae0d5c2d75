"""Comparing what is wanted of a resource of Google's APIs with what is there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def bare(value: Any) -> Any:
    """A link without its host and version: projects/P/…, as Google answers it in several forms."""
    if isinstance(value, str) and value.startswith("https://") and "/projects/" in value:
        return "projects/" + value.partition("/projects/")[2]
    return value


def plain(value: Any) -> Any:
    """What an element of a list says: of {"zone": link} the link."""
    if isinstance(value, dict) and len(value) == 1:
        only = next(iter(value.values()))
        return bare(only) if isinstance(only, str) else value
    return bare(value)


def same_scalar(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    try:
        # 64-bit integers come as text, and 0.6 may come as 0.60.
        return float(wanted) == float(found)
    except (TypeError, ValueError):
        return bool(bare(wanted) == bare(found))


def differences(wanted: Any, found: Any, path: str = "") -> list[str]:
    """The paths at which something is not as wanted.

    What is not wanted is not compared, as servers fill in defaults; but each element of a list is
    wanted. Absent is the same as empty, false and 0, which servers leave out.
    """
    if not wanted and not found:
        return []
    if isinstance(wanted, dict) and found is None:
        found = {}
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            each
            for key, value in wanted.items()
            for each in differences(value, found.get(key), f"{path}.{key}" if path else key)
        ]
    if isinstance(wanted, list) and isinstance(found, list):
        if len(wanted) != len(found):
            return [path]
        if not any(isinstance(plain(each), (dict, list)) for each in wanted + found):
            # Ranges, zones, tags: their order means nothing.
            alike = sorted(str(plain(x)) for x in wanted) == sorted(str(plain(x)) for x in found)
            return [] if alike else [path]
        pairs = enumerate(zip(wanted, found))
        return [each for i, (w, f) in pairs for each in differences(w, f, f"{path}[{i}]")]
    return [] if same_scalar(wanted, found) else [path]


def fields(paths: list[str]) -> list[str]:
    """The top-level fields of paths, each once, in order."""
    return list(dict.fromkeys(path.split(".")[0].split("[")[0] for path in paths))


def at(value: Any, path: str) -> Any:
    """What stands at a path, or None."""
    for part in path.replace("[", ".[").split("."):
        try:
            value = value[int(part[1:-1])] if part.startswith("[") else value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def told(paths: list[str], wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """A line for each difference."""
    return [f"{path}: {at(found, path)!r} -> {at(wanted, path)!r}" for path in paths]


def keyed(value: Any, key: str) -> dict[str, Any]:
    """{key: value}, for map()."""
    return {key: value}


def content_hash(value: Any) -> str:
    """A letter, so that it is never read as a number, and ten hexadecimal digits that name a content."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return "c" + hashlib.sha256(text.encode()).hexdigest()[:10]


def files_hash(paths: list[str]) -> str:
    """A hash of files, and of all files below directories, with their names; what is absent counts as that."""
    digest = hashlib.sha256()
    for path in paths:
        top = Path(path)
        below = sorted(each for each in top.rglob("*") if each.is_file()) if top.is_dir() else [top]
        for each in below:
            content = each.read_bytes() if each.is_file() else b""
            name = each.relative_to(top.parent)
            digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\0".encode())
    return digest.hexdigest()


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {
            "gce_differences": differences,
            "gce_fields": fields,
            "gce_told": told,
            "gce_keyed": keyed,
            "gce_content_hash": content_hash,
            "gce_files_hash": files_hash,
        }
