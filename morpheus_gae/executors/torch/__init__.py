"""The torch executor: the oracle that the fast ones must agree with.

Imports ``executors.base`` and the model.
"""
