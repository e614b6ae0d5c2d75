"""IAM v1: service accounts; policies, which also other APIs keep for their resources; and the project's own
policy in Resource Manager v1."""

import re
from typing import Any

from gce.rest import Api, Asked, Route, masked
from gce.store import Store, fingerprint
from gce.web import Json, Refusal, absent, invalid

ACCOUNT = {
    "name": "string",
    "projectId": "string",
    "uniqueId": "string",
    "email": "string",
    "displayName": "string",
    "description": "string",
    "etag": "string",
    "disabled": "boolean",
}
CONDITION = {
    "title": "string",
    "description": "string",
    "expression": "string",
    "location": "string",
}
POLICY = {
    "version": "integer",
    "etag": "string",
    "bindings": [{"role": "string", "members": ["string"], "condition": CONDITION}],
}
SET_POLICY = {"policy": POLICY, "updateMask": "string"}
GET_POLICY = {"options": {"requestedPolicyVersion": "integer"}}
MEMBER = re.compile(r"(user|group|domain|serviceAccount):\S+|allUsers|allAuthenticatedUsers")
ROLE = re.compile(r"(projects/[^/]+/|organizations/[^/]+/)?roles/[\w.]+")
CHANGEABLE = ("displayName", "description")


class Iam:
    """Service accounts by address, and policies by the name of their resource."""

    def __init__(self, store: Store, project: str, number: str) -> None:
        self.store = store
        self.project = project
        self.number = number
        self.accounts: dict[str, Json] = {}
        self.policies: dict[str, Json] = {}

    def api(self) -> Api:
        accounts = "/v1/projects/{project}/serviceAccounts"
        account = accounts + "/{account}"
        new: dict[str, Any] = {"accountId": "string", "serviceAccount": ACCOUNT}
        patch: dict[str, Any] = {"serviceAccount": ACCOUNT, "updateMask": "string"}
        routes = [
            Route("GET", accounts, self.list_accounts, ("pageSize", "pageToken")),
            Route("POST", accounts, self.create_account, body=new),
            Route("GET", account, self.get_account),
            Route("PATCH", account, self.patch_account, body=patch),
            Route("PUT", account, self.put_account, body=ACCOUNT),
            Route("DELETE", account, self.delete_account),
            Route("POST", account + ":getIamPolicy", self.get_account_policy, body=GET_POLICY),
            Route("POST", account + ":setIamPolicy", self.set_account_policy, body=SET_POLICY),
        ]
        return Api(("iam.googleapis.com",), ("-", self.project, self.number), routes)

    def project_api(self) -> Api:
        project = "/v1/projects/{project}"
        routes = [
            Route("GET", project, self.get_project),
            Route("POST", project + ":getIamPolicy", self.get_project_policy, body=GET_POLICY),
            Route("POST", project + ":setIamPolicy", self.set_project_policy, body=SET_POLICY),
        ]
        hosts = ("cloudresourcemanager.googleapis.com",)
        return Api(hosts, (self.project, self.number), routes)

    def get_project(self, _asked: Asked) -> Json:
        names = {"projectId": self.project, "projectNumber": self.number, "name": self.project}
        return {**names, "lifecycleState": "ACTIVE"}

    def get_project_policy(self, _asked: Asked) -> Json:
        return self.policy("project")

    def set_project_policy(self, asked: Asked) -> Json:
        return self.set_policy("project", asked.body)

    def email(self, name: str) -> str:
        return f"{name}@{self.project}.iam.gserviceaccount.com"

    def account(self, asked: Asked) -> Json:
        name = asked.names["account"]
        for account in self.accounts.values():
            if name in (account["email"], account["uniqueId"]):
                return account
        raise absent(f"Unknown service account {name}")

    def list_accounts(self, _asked: Asked) -> Json:
        return {"accounts": [account for _, account in sorted(self.accounts.items())]}

    def create_account(self, asked: Asked) -> Json:
        name = asked.body.get("accountId", "")
        if re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", name) is None:
            raise invalid(f"Account ID '{name}' must be 6 to 30 small letters, digits and hyphens")
        email = self.email(name)
        if email in self.accounts:
            text = f"Service account {name} already exists within project projects/{self.project}."
            raise Refusal(409, "alreadyExists", text)
        number = self.store.new_id()
        given = asked.body.get("serviceAccount", {})
        self.accounts[email] = {
            **{field: given[field] for field in CHANGEABLE if given.get(field)},
            "name": f"projects/{self.project}/serviceAccounts/{email}",
            "projectId": self.project,
            "uniqueId": number,
            "email": email,
            "etag": fingerprint(number),
            "oauth2ClientId": number,
        }
        return self.accounts[email]

    def get_account(self, asked: Asked) -> Json:
        return self.account(asked)

    def patch_account(self, asked: Asked) -> Json:
        given = asked.body.get("serviceAccount", {})
        return self.change(
            self.account(asked), masked(given, asked.body.get("updateMask"), CHANGEABLE)
        )

    def put_account(self, asked: Asked) -> Json:
        given = {field: asked.body[field] for field in CHANGEABLE if field in asked.body}
        return self.change(self.account(asked), given)

    def change(self, account: Json, fields: Json) -> Json:
        account.update(fields)
        account["etag"] = fingerprint(account)
        return account

    def delete_account(self, asked: Asked) -> Json:
        del self.accounts[self.account(asked)["email"]]
        return {}

    def get_account_policy(self, asked: Asked) -> Json:
        return self.policy(self.account(asked)["name"])

    def set_account_policy(self, asked: Asked) -> Json:
        return self.set_policy(self.account(asked)["name"], asked.body)

    def policy(self, resource: str) -> Json:
        """A resource's policy; an empty one if it was never set."""
        return self.policies.setdefault(resource, {"version": 1, "etag": fingerprint(resource)})

    def set_policy(self, resource: str, body: Json) -> Json:
        """Refusal: somebody else has changed it, or it names what does not exist."""
        policy: Json = body.get("policy") or {}
        if policy.get("etag", self.policy(resource)["etag"]) != self.policy(resource)["etag"]:
            text = "There were concurrent policy changes. Please retry the whole read-modify-write."
            raise Refusal(409, "aborted", text, code="ABORTED")
        for binding in policy.get("bindings", []):
            self.check_binding(binding)
        kept = {"version": policy.get("version", 1), "bindings": policy.get("bindings", [])}
        self.policies[resource] = {**kept, "etag": fingerprint((resource, kept))}
        return self.policies[resource]

    def check_binding(self, binding: Json) -> None:
        if ROLE.fullmatch(binding.get("role", "")) is None:
            raise invalid(f"Role {binding.get('role')} is not supported for this resource.")
        for member in binding.get("members", []):
            kind, _, name = member.partition(":")
            if MEMBER.fullmatch(member) is None:
                raise invalid(f"Invalid member '{member}'")
            own = name.endswith(f"@{self.project}.iam.gserviceaccount.com")
            if kind == "serviceAccount" and own and name not in self.accounts:
                raise invalid(f"Service account {name} does not exist.")

    def forget(self, resource: str) -> None:
        """The resource is gone, and its policy with it."""
        self.policies.pop(resource, None)
