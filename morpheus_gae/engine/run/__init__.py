"""Run: builds a pipeline from settings, and runs it in threads from source to sink.

Imports ``observe`` and ``recover``; nothing in the engine imports it.
"""
