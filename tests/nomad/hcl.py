"""HCL as Python's data, read by HashiCorp's own parser in the npm package that package-lock.json pins.

It is the parser of the second version of the language, as for jobs. Nomad reads agents' configuration and
ACL policies by the first one; what is written in both versions alike is all that is wanted of those files.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PACKAGE = HERE / "node_modules/@cdktf/hcl2json"
SECONDS = 120

Node = dict[str, Any]  # of the syntax tree of an expression


class HclError(ValueError):
    """The text is no HCL; the message says where and why."""


@dataclass(frozen=True)
class Expression:
    path: tuple[str, ...]  # its way in the tree
    ast: Node


@dataclass(frozen=True)
class Document:
    name: str
    tree: dict[str, Any]
    expressions: tuple[Expression, ...]


def _document(name: str, result: dict[str, Any]) -> Document | HclError:
    if "error" in result:
        return HclError(result["error"])
    found = (Expression(tuple(each["path"]), each["ast"]) for each in result["expressions"])
    return Document(name, result["tree"], tuple(found))


def parse_all(texts: Mapping[str, str]) -> dict[str, Document | HclError]:
    """Each text by its name, in one process of Node."""
    if not PACKAGE.is_dir():
        raise FileNotFoundError(f"no {PACKAGE}: run `npm ci --ignore-scripts` in tests/nomad")
    run = subprocess.run(
        ["node", str(HERE / "hcl.mjs")],
        input=json.dumps(texts),
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return {name: _document(name, result) for name, result in json.loads(run.stdout).items()}
