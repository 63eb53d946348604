"""Suppress: rules that suppress alerts and incidents, policies, and analysts' feedback.

Imports ``flows``, ``detect``, ``incidents`` and ``sinks``; nothing of the engine.
"""
