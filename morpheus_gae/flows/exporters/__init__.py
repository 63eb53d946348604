"""Exporters: which column of whose is which of ours, in which unit; tables of records to flows.

A new exporter is a row of a table here. Imports ``addresses`` and ``tables``; opens no files.
"""
