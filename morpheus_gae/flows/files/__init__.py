"""Files: which ones are meant, and the doors to them, to stdin and to interfaces.

Imports nothing of ``flows`` but this.
"""
