"""The figure of what a host absorbs, in short: each layer refuses as it should, and no refusal costs much."""

import xml.dom.minidom

from absorb.layers import HASH, HIGHEST, measure
from absorb.sending import Field
from figures.absorb import BY_SUM, KIND, cost_us
from lab.client import service
from lab.host import Host
from lab.lab import Lab
from support.marked import wait_until_idle

# Each stands far from what is measured: other programs take caches and CPUs meanwhile.
CHEAPER_THAN_A_HASH = 20.0
PACKETS_CHEAPER = 200.0


def test_a_refusal_costs_a_small_part_of_a_hash(
    lab: Lab, web: list[Host], strangers: list[Host]
) -> None:
    target = web[0]
    wait_until_idle(service(target.address))
    # It raises an error where others are answered than should be.
    data = {"layers": measure(Field(lab, target, strangers[0], 1))}
    print(KIND.tables(data)["layers"])
    layers = data["layers"]
    a_hash = cost_us(layers[HASH])
    for name in layers.keys() - {HASH, HIGHEST}:
        layer = layers[name]
        least = PACKETS_CHEAPER if layer["answer"] == "none" else CHEAPER_THAN_A_HASH
        assert cost_us(layer) * least < a_hash, name
    # The highest cost is three steps above.
    assert cost_us(layers[HIGHEST]) > 2 * a_hash
    assert all(layers[name]["where"] in BY_SUM for name in ("closed-port", "connection"))
    (picture,) = (KIND.pictures or (lambda _: {}))(data).values()
    xml.dom.minidom.parseString(picture)
