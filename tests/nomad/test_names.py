"""The lists of names are whole: each block that one of them mentions is described, and each described one is used."""

from nomad.names import functions, metrics, names


def _reachable(name: str, seen: set[str]) -> set[str]:
    if name not in seen:
        seen.add(name)
        for target in names()[name].targets():
            _reachable(target, seen)
    return seen


def test_every_block_is_described_and_every_description_is_used() -> None:
    seen = {"job.functions"}
    for name in names():
        if name.endswith(".file"):
            _reachable(name, seen)
    assert names().keys() - seen == set()


def test_values_are_those_of_known_attributes() -> None:
    unknown = [
        (name, attribute)
        for name, block in names().items()
        for attribute in block.values
        if not block.has_attribute(attribute)
    ]
    assert unknown == []


def test_a_choice_is_among_blocks_with_the_same_number_of_labels() -> None:
    for block in names().values():
        for target in block.blocks.values():
            if not isinstance(target, str):
                assert len({names()[name].labels for name in target.of.values()}) == 1


def test_the_lists_beside_them_are_read() -> None:
    assert "fileset" in functions() and "nomad_client_allocated_cpu" in metrics()
