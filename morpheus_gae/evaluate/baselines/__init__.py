"""Baselines: simple and published detectors, trained on the same flows as the model they are compared with.

Each one fits on arrays of flows and scores them. Imports no other room of ``evaluate``.
"""
