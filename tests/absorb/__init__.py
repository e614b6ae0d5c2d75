"""What a host can absorb: how much CPU it costs to refuse what it does not hash, layer by layer; see tests/figures/absorb.py."""
