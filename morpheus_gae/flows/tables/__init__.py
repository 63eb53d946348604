"""Tables: Arrow tables of any type, checked, joined and told as text; nothing here knows what a flow is.

Imports ``flows.bytes`` and the names in ``flows.columns``.
"""
