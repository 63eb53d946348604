"""Addresses: IPv4, IPv6 and MAC text to two 64-bit integers, and back.

Imports ``flows.bytes`` alone.
"""
