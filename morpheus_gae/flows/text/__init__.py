"""Text: CSV, TSV and JSON lines, blocks at a time, at speed; odd lines are looked at alone.

Imports what is below it: ``files``, ``exporters``, ``tables``, ``bytes``.
"""
