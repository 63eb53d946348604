"""Inspect: what a source of flows is read as, before anything is scored."""
