"""A request to one of Google's APIs, from where ansible-playbook runs."""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError

DOCUMENTATION = """
name: gce_request
short_description: A request to one of Google's APIs
description:
  - What C(ansible.builtin.uri) does for JSON, without a Python of its own to be started for each request.
  - Whatever the server answers is no failure; neither is no answer.
options:
  url:
    type: str
    required: true
  method:
    type: str
    default: GET
  headers:
    description: The token among them, so use it under C(no_log).
    type: dict
    default: {}
  body:
    description: Sent as JSON.
    type: raw
  ca_path:
    description: A file of authorities instead of the system's.
    type: path
"""
RETURN = """
status:
  description: Of the answer; -1 without one.
  type: int
content:
  description: The text of the answer.
  type: str
json:
  description: What it says, where it is JSON.
  type: raw
msg:
  description: Why there was no answer.
  type: str
"""

from ansible.module_utils.urls import ConnectionError as UrlsConnectionError
from ansible.module_utils.urls import open_url
from ansible.plugins.action import ActionBase

SILENT_S = 60  # until a server that says nothing is given up
NO_ANSWER = (OSError, HTTPException, UrlsConnectionError)


def answer(status: int, content: bytes) -> dict[str, Any]:
    text = content.decode("utf-8", "replace")
    result: dict[str, Any] = {"status": status, "content": text}
    try:
        result["json"] = json.loads(text)
    except ValueError:
        pass
    return result


class ActionModule(ActionBase):  # type: ignore[misc]
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = self._task.args
        headers = dict(given.get("headers", {}))
        data = None
        if "body" in given:
            data = json.dumps(given["body"]).encode()
            headers["Content-Type"] = "application/json"
        try:
            try:
                reply = open_url(
                    given["url"],
                    method=given.get("method", "GET"),
                    headers=headers,
                    data=data,
                    timeout=SILENT_S,
                    ca_path=given.get("ca_path"),
                    use_netrc=False,
                )
            except HTTPError as refusal:
                reply = refusal
            result.update(answer(reply.getcode(), reply.read()))
        except NO_ANSWER as error:
            result.update(status=-1, content="", msg=str(error))
        return result
