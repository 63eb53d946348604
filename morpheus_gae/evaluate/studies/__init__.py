"""Studies: detectors compared over data sets, protocols, streams and seeds, with tables and plots.

The top of ``evaluate``: only the command line imports it. Imports ``baselines`` and ``data``.
"""
