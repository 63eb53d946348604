"""Executors: each scores windows with one artifact, all with the same scores."""
