"""Cloud DNS v1: managed zones, their records, and the changes of these, which take time."""

from itertools import count

from gce.clock import Clock
from gce.rest import Api, Asked, Route
from gce.store import Store
from gce.web import Json, Refusal, absent, invalid

SPEC_KEY = {"algorithm": "string", "keyLength": "integer", "keyType": "string", "kind": "string"}
NETWORK = {"kind": "string", "networkUrl": "string"}
ZONE = {
    "kind": "string",
    "name": "string",
    "dnsName": "string",
    "description": "string",
    "id": "string",
    "nameServers": ["string"],
    "creationTime": "string",
    "nameServerSet": "string",
    "visibility": ("public", "private"),
    "labels": {"*": "string"},
    "dnssecConfig": {
        "kind": "string",
        "state": ("off", "on", "transfer"),
        "nonExistence": ("nsec", "nsec3"),
        "defaultKeySpecs": [SPEC_KEY],
    },
    "privateVisibilityConfig": {"kind": "string", "networks": [NETWORK]},
    "forwardingConfig": {
        "kind": "string",
        "targetNameServers": [
            {"kind": "string", "ipv4Address": "string", "forwardingPath": ("default", "private")}
        ],
    },
    "peeringConfig": {
        "kind": "string",
        "targetNetwork": {"kind": "string", "networkUrl": "string", "deactivateTime": "string"},
    },
    "cloudLoggingConfig": {"kind": "string", "enableLogging": "boolean"},
}
RECORD = {
    "kind": "string",
    "name": "string",
    "type": "string",
    "ttl": "integer",
    "rrdatas": ["string"],
    "signatureRrdatas": ["string"],
}
# Google reads the names of protocol buffers too; the module sends one of these.
CHANGE = {
    "kind": "string",
    "additions": [RECORD],
    "deletions": [RECORD],
    "startTime": "string",
    "start_time": "string",
    "id": "string",
    "status": "string",
    "isServing": "boolean",
}
SERVERS = [f"ns-cloud-a{n}.googledomains.com." for n in (1, 2, 3, 4)]
SOA = "ns-cloud-a1.googledomains.com. cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"
Key = tuple[str, str]  # a record's name and type


class Dns:
    """All zones of the project, by name."""

    def __init__(self, clock: Clock, store: Store, project: str, seconds: float = 3.0) -> None:
        self.clock = clock
        self.store = store
        self.project = project
        self.seconds = seconds  # that a change takes
        self.zones: dict[str, Json] = {}
        self.records: dict[str, dict[Key, Json]] = {}
        self.changes: dict[str, dict[str, Json]] = {}
        self.numbers = count(1)

    def api(self) -> Api:
        zones = "/dns/v1/projects/{project}/managedZones"
        zone = zones + "/{zone}"
        paged = ("maxResults", "pageToken")
        routes = [
            Route("GET", zones, self.list_zones, ("dnsName", *paged)),
            Route("POST", zones, self.create_zone, body=ZONE),
            Route("GET", zone, self.get_zone),
            Route("PATCH", zone, self.patch_zone, body=ZONE),
            Route("DELETE", zone, self.delete_zone),
            Route("GET", zone + "/rrsets", self.list_records, ("name", "type", *paged)),
            Route("POST", zone + "/changes", self.create_change, body=CHANGE),
            Route("GET", zone + "/changes", self.list_changes, ("sortBy", "sortOrder", *paged)),
            Route("GET", zone + "/changes/{change}", self.get_change),
        ]
        return Api(("dns.googleapis.com", "www.googleapis.com"), (self.project,), routes)

    def zone(self, asked: Asked) -> Json:
        if asked.names["zone"] not in self.zones:
            raise absent(f"parameters.managedZone:{asked.names['zone']}")
        return self.zones[asked.names["zone"]]

    def list_zones(self, asked: Asked) -> Json:
        wanted = asked.query.get("dnsName")
        zones = [z for _, z in sorted(self.zones.items()) if wanted in (None, z["dnsName"])]
        return {"kind": "dns#managedZonesListResponse", "managedZones": zones}

    def create_zone(self, asked: Asked) -> Json:
        name, domain = asked.body.get("name", ""), asked.body.get("dnsName", "")
        if not name or not domain.endswith(".") or "description" not in asked.body:
            raise invalid("Invalid value for 'entity.managedZone': name, dnsName., description.")
        if name in self.zones:
            text = f"The resource 'entity.managedZone' named '{name}' already exists"
            raise Refusal(409, "alreadyExists", text)
        zone = {
            "visibility": "public",
            **asked.body,
            "kind": "dns#managedZone",
            "id": self.store.new_id(),
            "creationTime": self.store.timestamp(),
            "nameServers": SERVERS,
            "cloudLoggingConfig": {"kind": "dns#managedZoneCloudLoggingConfig"},
        }
        self.zones[name] = zone
        self.changes[name] = {}
        self.records[name] = {}
        for kind, data in (("NS", SERVERS), ("SOA", [SOA])):
            record = {"name": domain, "type": kind, "ttl": 21600, "rrdatas": data}
            self.records[name][domain, kind] = {"kind": "dns#resourceRecordSet", **record}
        return zone

    def get_zone(self, asked: Asked) -> Json:
        return self.zone(asked)

    def patch_zone(self, asked: Asked) -> Json:
        zone = self.zone(asked)
        for field in ("name", "dnsName", "visibility"):
            if asked.body.get(field, zone[field]) != zone[field]:
                raise invalid(f"Invalid value for 'entity.managedZone.{field}': it cannot change")
        zone.update(asked.body)
        return {"kind": "dns#operation", "id": str(next(self.numbers)), "status": "done"}

    def delete_zone(self, asked: Asked) -> Json:
        zone = self.zone(asked)
        name = zone["name"]
        if any(key[1] not in ("NS", "SOA") for key in self.records[name]):
            text = "The resource named 'entity.managedZone' cannot be deleted because it contains records"
            raise Refusal(400, "containerNotEmpty", text)
        del self.zones[name], self.records[name], self.changes[name]
        return {}

    def list_records(self, asked: Asked) -> Json:
        zone = self.zone(asked)
        name, kind = asked.query.get("name"), asked.query.get("type")
        found = [
            record
            for (own_name, own_kind), record in sorted(self.records[zone["name"]].items())
            if name in (None, own_name) and kind in (None, own_kind)
        ]
        return {"kind": "dns#resourceRecordSetsListResponse", "rrsets": found}

    def create_change(self, asked: Asked) -> Json:
        """All of it or nothing. Refusal: what is to go is not there so, or what is to come is there."""
        zone = self.zone(asked)
        records = dict(self.records[zone["name"]])
        for index, record in enumerate(asked.body.get("deletions", [])):
            key = self.key(record, zone)
            if key not in records or not same(records[key], record):
                where = f"entity.change.deletions[{index}]"
                raise Refusal(412, "conditionNotMet", f"Precondition not met for '{where}'")
            del records[key]
        for index, record in enumerate(asked.body.get("additions", [])):
            key = self.key(record, zone)
            if key in records:
                where = f"entity.change.additions[{index}]"
                text = f"The resource '{where}' named '{key[0]} ({key[1]})' already exists"
                raise Refusal(409, "alreadyExists", text)
            records[key] = {**record, "kind": "dns#resourceRecordSet"}
        return self.start_change(zone["name"], records, asked.body)

    def key(self, record: Json, zone: Json) -> Key:
        name, kind = record.get("name", ""), record.get("type", "")
        inside = name == zone["dnsName"] or name.endswith("." + zone["dnsName"])
        if not inside or not kind or not record.get("rrdatas") or "ttl" not in record:
            raise invalid(
                f"Invalid value for 'entity.change': '{name}' '{kind}' in {zone['dnsName']}"
            )
        return name, kind

    def start_change(self, zone: str, records: dict[Key, Json], body: Json) -> Json:
        change: Json = {
            "kind": "dns#change",
            "id": str(next(self.numbers)),
            "startTime": self.store.timestamp(),
            "status": "pending",
            "additions": body.get("additions", []),
            "deletions": body.get("deletions", []),
        }
        self.records[zone] = records  # Google's server shows them at once, before they are served.
        self.changes[zone][change["id"]] = change
        self.clock.after(self.seconds, lambda: change.update(status="done"))
        return change

    def list_changes(self, asked: Asked) -> Json:
        changes = self.changes[self.zone(asked)["name"]]
        return {"kind": "dns#changesListResponse", "changes": list(changes.values())}

    def get_change(self, asked: Asked) -> Json:
        changes = self.changes[self.zone(asked)["name"]]
        if asked.names["change"] not in changes:
            raise absent(f"parameters.changeId:{asked.names['change']}")
        return changes[asked.names["change"]]


def same(one: Json, other: Json) -> bool:
    fields = ("name", "type", "ttl", "rrdatas")
    return all(one.get(field) == other.get(field) for field in fields)
