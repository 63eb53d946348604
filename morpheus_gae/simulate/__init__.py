"""Simulate: synthetic labelled traffic of a network with benign habits and attacks.

``network`` is who talks to whom, ``traffic`` when and what, ``output`` where it is written. Deterministic by
network number and seed. Imports ``flows`` and ``kafka``.
"""
