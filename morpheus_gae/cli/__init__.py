"""Command lines: ``morpheus`` and ``morpheus-gae``. Every command imports what it needs when it runs."""
