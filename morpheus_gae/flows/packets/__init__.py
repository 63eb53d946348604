"""Packets: captures and live interfaces, made flows of by NFStream in a process of its own.

Imports ``files`` and ``exporters``.
"""
