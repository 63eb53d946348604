"""Incidents: groups flagged flows into incidents, with their kind and severity.

No engine, no files. Imports ``flows`` and ``detect``.
"""
