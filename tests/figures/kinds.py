"""All measurements that script/figures knows."""

import persistence.kind
from figures import hashes
from figures.record import Kind

KINDS: dict[str, Kind] = {
    "hashes": hashes.KIND,
    "persistence": persistence.kind.KIND,
}
