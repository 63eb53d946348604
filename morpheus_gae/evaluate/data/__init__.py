"""Data: labelled flows split into training and test, contaminated with attacks, or given other addresses.

Works on arrays and tables, trains nothing. Imports no other room of ``evaluate``.
"""
