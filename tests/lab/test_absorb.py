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
RATE, BURST = 20, 40  # of roles/nginx: so many of a client above its rate pass


def test_a_refusal_costs_a_small_part_of_a_hash(
    lab: Lab, web: list[Host], strangers: list[Host]
) -> None:
    target = web[0]
    wait_until_idle(service(target.address))
    data = {"layers": measure(Field(lab, target, strangers[0], 1))}
    print(KIND.tables(data)["layers"])
    layers = data["layers"]
    a_hash = cost_us(layers[HASH])
    for name, layer in layers.items():
        assert layer["count"] > 0, name
        # All were refused, and so by this layer.
        passed = 1 + BURST + RATE * (layer["seconds"] + 1) if name == "client-rate" else 0
        assert layer["other"] <= passed, name
        if name in (HASH, HIGHEST):
            continue
        least = PACKETS_CHEAPER if layer["answer"] == "none" else CHEAPER_THAN_A_HASH
        assert cost_us(layer) * least < a_hash, name
    # What a client asks for by one request is bounded by the highest cost, three steps above.
    assert 2 * a_hash < cost_us(layers[HIGHEST]) < 32 * a_hash
    assert all(layers[name]["where"] in BY_SUM for name in ("closed-port", "connection"))
    (picture,) = (KIND.pictures or (lambda _: {}))(data).values()
    xml.dom.minidom.parseString(picture)
