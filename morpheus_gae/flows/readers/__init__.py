"""Readers: any input to batches of flows, in order, from a position on if need be.

Imports every other room of ``flows`` but ``pairing`` and ``payloads``.
"""
