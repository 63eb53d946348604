"""Output: simulated tables as files, lines or messages, at a pace, with garbage on request.

Imports no other room of ``simulate``.
"""
