"""Synthetic traffic with labels."""
