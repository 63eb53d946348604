"""Benchmark: measures every variant on the same traffic, each in a separate process."""
