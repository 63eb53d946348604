"""API: the Python interface, a detector for data frames.

No engine, no files but the model's. Imports the rooms before ``engine`` and ``train``.
"""
