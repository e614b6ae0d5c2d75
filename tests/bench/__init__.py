"""The benchmark, see docs/benchmarks.md. Run by script/bench."""
