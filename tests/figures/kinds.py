"""All measurements that script/figures knows."""

from figures import gathering, hashes
from figures.record import Kind

KINDS: dict[str, Kind] = {
    "gathering": gathering.KIND,
    "hashes": hashes.KIND,
}
