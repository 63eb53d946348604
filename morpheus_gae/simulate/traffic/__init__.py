"""Traffic: benign flows, attack campaigns and drift over time, on a simulated network.

Imports ``network``; writes no files.
"""
