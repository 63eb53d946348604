"""Sinks: delivery of alerts and of bad records."""
