"""Metrics, alerts and logs of booted hosts under load, at the programs that watch over them."""
