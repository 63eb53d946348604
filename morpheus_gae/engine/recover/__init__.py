"""Recover: what a run keeps so that it goes on after a crash, a restart or with another model.

Imports ``observe``; nothing of ``run``.
"""
