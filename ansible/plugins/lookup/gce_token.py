"""A token for Google's APIs, signed in as google.cloud's modules are."""

from __future__ import annotations

import time
from datetime import timezone
from typing import Any

DOCUMENTATION = """
name: gce_token
short_description: A token for Google's APIs
description:
  - For C(gce_request), which does not sign in by itself.
  - It lasts for an hour at the most and gives all that the identity may do; use it under C(no_log).
requirements: [python3-google-auth, python3-requests]
options:
  auth_kind:
    description: As of google.cloud's modules; C(application) is what C(gcloud auth application-default login) leaves.
    type: str
    choices: [application, serviceaccount, machineaccount]
    required: true
  service_account_file:
    description: The key file of auth_kind C(serviceaccount).
    type: str
"""
EXAMPLES = """
- ansible.builtin.set_fact:
    token: "{{ lookup('gce_token', auth_kind='application').token }}"
  no_log: true
"""
RETURN = """
_raw:
  description: C(token), and C(until), the time at which it ends, in seconds since 1970.
  type: list
  elements: dict
"""

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


class LookupModule(LookupBase):  # type: ignore[misc]
    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            import google.auth
            import google.auth.compute_engine
            from google.auth.transport.requests import Request
            from google.oauth2 import service_account
        except ImportError as error:
            raise AnsibleError(
                "gce_token needs python3-google-auth and python3-requests"
            ) from error
        kind = self.get_option("auth_kind")
        try:
            if kind == "serviceaccount":
                name = self.get_option("service_account_file")
                credentials = service_account.Credentials.from_service_account_file(
                    name, scopes=SCOPES
                )
            elif kind == "machineaccount":
                credentials = google.auth.compute_engine.Credentials()
            else:
                credentials, _ = google.auth.default(scopes=SCOPES)
            credentials.refresh(Request())
        except (OSError, ValueError, google.auth.exceptions.GoogleAuthError) as error:
            raise AnsibleError(f"cannot sign in to Google as {kind}: {error}") from error
        # Without a zone, and meant as UTC.
        expiry = credentials.expiry
        until = expiry.replace(tzinfo=timezone.utc).timestamp() if expiry else time.time() + 600
        return [{"token": credentials.token, "until": int(until)}]
