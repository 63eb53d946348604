"""Eight bytes at a time: loads and stores at any place of a byte array, for compiled loops.

The compiler checks every index of an array for being negative, which keeps it from handling bytes together.
Nothing is checked here but in builds for tests (`bounds`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from morpheus_gae.flows.bytes.bounds import check_range

_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any, bits: int) -> Any:
    view = context.make_array(kind)(context, builder, array)
    check_range(context, builder, view, at, ir.Constant(ir.IntType(64), bits // 8))
    return builder.bitcast(builder.gep(view.data, [at]), ir.IntType(bits).as_pointer())


@intrinsic
def byte_at(typing: Any, array: Any, at: Any) -> Any:
    """Byte of a uint8 array, as int64; the place is not checked."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], args[0], args[1], 8)
        return builder.zext(builder.load(place), ir.IntType(64))

    return types.int64(array, types.int64), generate


@intrinsic
def word_at(typing: Any, array: Any, at: Any) -> Any:
    """Eight bytes of a uint8 array as a little-endian uint64; the place is not checked."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        load = builder.load(_place(context, builder, signature.args[0], args[0], args[1], 64))
        load.align = 1
        return load

    return types.uint64(array, types.int64), generate


@intrinsic
def put_word(typing: Any, array: Any, at: Any, word: Any) -> Any:
    """Write eight bytes into a uint8 array; the place is not checked."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], args[0], args[1], 64)
        builder.store(args[2], place).align = 1
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


@intrinsic
def first_byte(typing: Any, marks: Any) -> Any:
    """Number of the lowest byte of a word that is not 0 (the word must not be 0), as int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zeros = builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))
        return builder.lshr(zeros, ir.Constant(ir.IntType(64), 3))

    return types.int64(types.uint64), generate


@njit(inline="always")
def equal_bytes(word: Any, repeated: Any) -> Any:
    """Marks of the bytes that equal those of ``repeated``; exact up to the lowest mark (Warren 2012, 6-1)."""
    x = word ^ repeated
    return (x - _ONES) & ~x & _HIGHS


@njit(inline="always")
def small_bytes(word: Any, repeated: Any) -> Any:
    """Marks of the bytes below those of ``repeated`` (at most 128); exact up to the lowest mark."""
    return (word - repeated) & ~word & _HIGHS


@njit(inline="always")
def high_bytes(word: Any) -> Any:
    """Marks of the bytes above 127."""
    return word & _HIGHS
