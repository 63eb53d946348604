"""Exporters: find the layout of a table of records, map its columns, convert the table to flows.

``presets`` holds the known layouts, ``values`` casts their values. Imports ``addresses``
and ``tables`` of the rooms beside it; opens no files.
"""
