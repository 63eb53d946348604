"""Simulate: synthetic labelled traffic of a network with benign habits and attacks.

Same network number and options, same hosts; deterministic by seed. Imports ``flows`` and ``kafka``.
"""
