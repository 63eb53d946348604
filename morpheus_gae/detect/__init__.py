"""Detect: from scores to alerts, with thresholds, explanations, encodings and online learning.

No engine, no I/O. Imports ``flows``, ``graph``, ``model`` and ``executors``.
"""
