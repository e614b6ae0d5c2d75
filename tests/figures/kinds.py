"""All measurements that script/figures knows."""

from figures import hashes
from figures.record import Kind

KINDS: dict[str, Kind] = {
    "hashes": hashes.KIND,
}
