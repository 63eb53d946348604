"""Values: exporters' times, durations, counters, ports, labels and nested records, cast to canonical types.

Works on whole columns and knows no exporter by name. Imports ``tables``.
"""
