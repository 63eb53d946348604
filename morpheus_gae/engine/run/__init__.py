"""Run: from settings to threads that carry windows from a source to a sink.

Imports ``observe`` and ``recover``; nobody in the engine imports it.
"""
