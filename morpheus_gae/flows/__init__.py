"""Flows: from files and streams to columns; bad records are values."""
