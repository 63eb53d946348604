"""Pairing: the two records that one-way exporters make of one conversation, joined to one flow.

Imports ``exporters`` and ``tables``.
"""
