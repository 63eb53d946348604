"""Triton kernels of the CUDA executor, each beside its torch form one room up.

Imports Triton, which nothing else does; it is imported itself only where a kernel is to run.
"""
