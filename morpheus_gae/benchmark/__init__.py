"""Benchmark: every variant on the same traffic, in processes of their own, side by side."""
