"""Observe: what a run counted, measured and said: metrics, health, logs, traces.

Imports the stages and windows of ``engine`` alone; nothing of ``recover`` or ``run``.
"""
