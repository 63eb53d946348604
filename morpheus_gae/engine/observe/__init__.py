"""Observe: metrics, health, logs and traces of a run.

Imports ``engine.stage`` and ``engine.window``; nothing of ``recover`` or ``run``.
"""
