"""Presets: for each known exporter, which of its columns is which canonical one; data, no code.

A new exporter is a row of ``vendors`` or ``datasets`` and a name in ``names``. Imports no
other room of ``flows``.
"""
