"""Command line: ``morpheus`` and ``morpheus-gae``.

Every command imports what it needs when it runs. May import all rooms; nothing imports it.
"""
