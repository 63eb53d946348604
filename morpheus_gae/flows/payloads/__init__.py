"""Payloads: messages of a topic (JSON, CSV, Arrow, Avro, protobuf) as flows, many at a time.

Imports every other room of ``flows`` but ``pairing`` and ``packets``; knows nothing of Kafka.
"""
