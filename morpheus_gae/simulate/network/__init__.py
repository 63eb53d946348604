"""Network: hosts, addresses, roles, services and habits of a simulated network, the same on every day.

Imports ``simulate.rng`` only; knows nothing of flows in time.
"""
