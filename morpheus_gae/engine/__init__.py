"""The embedded engine: a thread per stage, bounded queues between them."""
