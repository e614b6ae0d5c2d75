"""All measurements that script/figures knows."""

import persistence.kind
from figures import absorb, gathering, hashes
from figures.record import Kind

KINDS: dict[str, Kind] = {
    "absorb": absorb.KIND,
    "gathering": gathering.KIND,
    "hashes": hashes.KIND,
    "persistence": persistence.kind.KIND,
}
