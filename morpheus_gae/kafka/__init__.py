"""Kafka: topics as a source of flows, and as a destination of alerts and dead letters."""
