"""Bytes: loads, stores and values at any place of a byte array, for compiled loops.

Imports nothing of this package.
"""
