"""Figures, not verdicts: each `bench_*.py` here has a `run(report)`; `make bench` runs them all."""
