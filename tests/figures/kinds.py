"""All measurements that script/figures knows."""

from figures import absorb, hashes
from figures.record import Kind

KINDS: dict[str, Kind] = {
    "absorb": absorb.KIND,
    "hashes": hashes.KIND,
}
