"""The CPU executor: numba kernels, no torch.

Imports ``executors.base`` and the model; neither ``torch`` nor ``cuda``.
"""
