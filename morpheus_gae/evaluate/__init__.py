"""Evaluation: labelled flows, detection metrics, comparable detectors, and the studies that compare them.

``data`` splits and mixes labelled flows, ``baselines`` holds published detectors, ``studies`` runs them all.
Imports nothing from ``engine`` on; ``baselines`` and ``data`` import no study.
"""
