"""Sinks: write alerts and bad records to files, stdout and servers (``remote``).

``sink`` is the protocol, ``open`` picks a sink by URL. Imports ``flows``, ``detect`` and ``incidents``.
"""
