"""Recover: checkpoints, saved state and hot reload of the model.

Imports ``observe``; nothing of ``run``.
"""
