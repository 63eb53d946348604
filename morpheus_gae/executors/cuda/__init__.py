"""The CUDA executor: from columns to scores on a device, in torch and, where it runs, Triton.

Imports ``executors.base`` and the model; not ``cpu``.
"""
