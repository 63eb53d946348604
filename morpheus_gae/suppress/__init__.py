"""Suppress: flagged flows that are known and need no alert, held back by rules on record."""
