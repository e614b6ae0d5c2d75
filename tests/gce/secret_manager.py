"""Secret Manager v1: secrets, their versions, and who may read them."""

import base64
import binascii
import re
from collections.abc import Callable

from gce.iam import SET_POLICY, Iam
from gce.rest import Api, Asked, Route, masked
from gce.store import Store, fingerprint
from gce.web import Json, Refusal, absent, invalid

KEY = {"kmsKeyName": "string"}
REPLICA = {"location": "string", "customerManagedEncryption": KEY}
SECRET = {
    "name": "string",
    "replication": {
        "automatic": {"customerManagedEncryption": KEY},
        "userManaged": {"replicas": [REPLICA]},
    },
    "createTime": "string",
    "labels": {"*": "string"},
    "annotations": {"*": "string"},
    "topics": [{"name": "string"}],
    "etag": "string",
    "rotation": {"nextRotationTime": "string", "rotationPeriod": "string"},
    "versionAliases": {"*": "string"},
    "expireTime": "string",
    "ttl": "string",
    "versionDestroyTtl": "string",
}
PAYLOAD = {"payload": {"data": "string", "dataCrc32c": "string"}}
CHANGEABLE = ("annotations", "labels", "rotation", "topics", "versionAliases", "versionDestroyTtl")
POLICY_VERSION = "options.requestedPolicyVersion"
STATES = {"disable": "DISABLED", "enable": "ENABLED", "destroy": "DESTROYED"}
MAXIMUM = 65536  # bytes of a payload


class SecretManager:
    """Secrets by id; a secret's versions are numbered from 1."""

    def __init__(self, store: Store, iam: Iam, project: str, number: str) -> None:
        self.store = store
        self.iam = iam
        self.projects = (project, number)
        self.secrets: dict[str, Json] = {}
        self.versions: dict[str, list[Json]] = {}
        self.payloads: dict[str, str] = {}  # by the version's name, as sent

    def api(self) -> Api:
        secrets = "/v1/projects/{project}/secrets"
        secret = secrets + "/{secret}"
        version = secret + "/versions/{version}"
        paged = ("pageSize", "pageToken", "filter")
        routes = [
            Route("GET", secrets, self.list_secrets, paged),
            Route("POST", secrets, self.create_secret, ("secretId",), SECRET),
            Route("GET", secret, self.get_secret),
            Route("PATCH", secret, self.patch_secret, ("updateMask",), SECRET),
            Route("DELETE", secret, self.delete_secret, ("etag",)),
            Route("POST", secret + ":addVersion", self.add_version, body=PAYLOAD),
            Route("GET", secret + ":getIamPolicy", self.get_policy, (POLICY_VERSION,)),
            Route("POST", secret + ":setIamPolicy", self.set_policy, body=SET_POLICY),
            Route("GET", secret + "/versions", self.list_versions, paged),
            Route("GET", version, self.get_version),
            Route("GET", version + ":access", self.access),
        ]
        for verb, state in STATES.items():
            change = self.state_setter(state)
            routes.append(Route("POST", f"{version}:{verb}", change, body={"etag": "string"}))
        return Api(("secretmanager.googleapis.com",), self.projects, routes)

    def secret(self, asked: Asked) -> Json:
        name = asked.names["secret"]
        if name not in self.secrets:
            raise absent(f"Secret [projects/{self.projects[1]}/secrets/{name}]")
        return self.secrets[name]

    def list_secrets(self, _asked: Asked) -> Json:
        secrets = [secret for _, secret in sorted(self.secrets.items())]
        return {"secrets": secrets, "totalSize": len(secrets)}

    def create_secret(self, asked: Asked) -> Json:
        name = asked.query.get("secretId", "")
        if re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name) is None:
            raise invalid(f"The secretId '{name}' must be letters, digits, '-' and '_'")
        if len(asked.body.get("replication", {})) != 1:
            raise invalid("Secret.replication must be given: automatic or userManaged")
        link = f"projects/{self.projects[1]}/secrets/{name}"
        if name in self.secrets:
            raise Refusal(409, "alreadyExists", f"Secret [{link}] already exists.")
        secret = {**asked.body, "name": link, "createTime": self.store.timestamp()}
        secret["etag"] = fingerprint(secret)
        self.secrets[name], self.versions[name] = secret, []
        return secret

    def get_secret(self, asked: Asked) -> Json:
        return self.secret(asked)

    def patch_secret(self, asked: Asked) -> Json:
        secret = self.secret(asked)
        self.check_etag(secret, asked.body.get("etag"))
        secret.update(masked(asked.body, asked.query.get("updateMask"), CHANGEABLE))
        secret["etag"] = fingerprint(secret)
        return secret

    def check_etag(self, secret: Json, given: str | None) -> None:
        if given is not None and given != secret["etag"]:
            text = "The etag provided does not match the resource's current one"
            raise Refusal(400, "conditionNotMet", text, code="FAILED_PRECONDITION")

    def delete_secret(self, asked: Asked) -> Json:
        secret = self.secret(asked)
        self.check_etag(secret, asked.query.get("etag"))
        name = asked.names["secret"]
        for version in self.versions[name]:
            self.payloads.pop(version["name"], None)
        del self.secrets[name], self.versions[name]
        self.iam.forget(secret["name"])
        return {}

    def add_version(self, asked: Asked) -> Json:
        secret = self.secret(asked)
        payload = asked.body.get("payload", {})
        data = decode(payload.get("data", ""))
        checksum = str(crc32c(data))
        if payload.get("dataCrc32c", checksum) != checksum:
            raise invalid("The data does not have the given checksum dataCrc32c")
        versions = self.versions[asked.names["secret"]]
        version: Json = {
            "name": f"{secret['name']}/versions/{len(versions) + 1}",
            "createTime": self.store.timestamp(),
            "state": "ENABLED",
            "replicationStatus": {"automatic": {}},
            "clientSpecifiedPayloadChecksum": "dataCrc32c" in payload,
        }
        version["etag"] = fingerprint(version)
        versions.append(version)
        self.payloads[version["name"]] = base64.b64encode(data).decode()
        return version

    def list_versions(self, asked: Asked) -> Json:
        self.secret(asked)
        versions = self.versions[asked.names["secret"]]
        if asked.query.get("filter", "") not in ("", "state:ENABLED"):
            raise invalid("The double knows the filter state:ENABLED only")
        if "filter" in asked.query:
            versions = [version for version in versions if version["state"] == "ENABLED"]
        return {"versions": versions[::-1], "totalSize": len(versions)}

    def get_version(self, asked: Asked) -> Json:
        secret = self.secret(asked)
        versions = self.versions[asked.names["secret"]]
        name = asked.names["version"]
        if name == "latest":
            name = str(len(versions))
        name = secret.get("versionAliases", {}).get(name, name)
        for version in versions:
            if version["name"].endswith(f"/versions/{name}"):
                return version
        raise absent(f"Secret Version [{secret['name']}/versions/{asked.names['version']}]")

    def access(self, asked: Asked) -> Json:
        version = self.get_version(asked)
        if version["state"] != "ENABLED":
            text = f"Secret Version [{version['name']}] is in {version['state']} state."
            raise Refusal(400, "failedPrecondition", text, code="FAILED_PRECONDITION")
        data = self.payloads[version["name"]]
        checksum = str(crc32c(base64.b64decode(data)))
        return {"name": version["name"], "payload": {"data": data, "dataCrc32c": checksum}}

    def state_setter(self, state: str) -> Callable[[Asked], Json]:
        return lambda asked: self.set_state(asked, state)

    def set_state(self, asked: Asked, state: str) -> Json:
        version = self.get_version(asked)
        if version["state"] == "DESTROYED":
            text = f"Secret Version [{version['name']}] is in DESTROYED state."
            raise Refusal(400, "failedPrecondition", text, code="FAILED_PRECONDITION")
        version["state"] = state
        if state == "DESTROYED":
            version["destroyTime"] = self.store.timestamp()
            del self.payloads[version["name"]]
        version["etag"] = fingerprint(version)
        return version

    def get_policy(self, asked: Asked) -> Json:
        return self.iam.policy(self.secret(asked)["name"])

    def set_policy(self, asked: Asked) -> Json:
        return self.iam.set_policy(self.secret(asked)["name"], asked.body)


def decode(text: str) -> bytes:
    """Refusal: it is not base64, is empty or is too long."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise invalid("Invalid value at 'payload.data': Base64 decoding failed") from None
    if not 0 < len(data) <= MAXIMUM:
        raise invalid(f"Secret Payload must be 1 to {MAXIMUM} bytes, not {len(data)}")
    return data


def crc32c(data: bytes) -> int:
    """CRC-32 with Castagnoli's polynomial, RFC 3720, appendix B.4."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF
