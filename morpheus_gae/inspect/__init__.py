"""Inspect: shows how a source of flows is read, without scoring it."""
