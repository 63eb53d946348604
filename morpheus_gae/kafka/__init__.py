"""Kafka: topics as a source of flows, and as a sink of alerts and dead letters.

Only ``client`` imports confluent-kafka. Imports ``flows`` and ``sinks``; nothing of the engine.
"""
