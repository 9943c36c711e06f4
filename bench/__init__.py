"""Benchmarks against what the same work costs without lra; `python -m bench` prints one table."""
