"""What numba cannot say: keep a tile of a matrix product, or products of four rows, in vector registers."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from morpheus_gae.flows.bytes.bounds import check_range

ROWS = 64
"""Rows of a dense block, see `cpu_dense`."""
OUTPUTS = 4
"""Outputs of a tile."""
LANES = 16
"""Rows of a tile."""
_VECTOR = 8
"""Floats of a vector: 4 outputs by 16 rows are 8 sums, which fit the registers of AVX2 and of AVX-512 and
keep both multiply-add units busy."""


@intrinsic
def tile(typingctx: Any, x: Any, w: Any, b: Any, y: Any, first: Any, lane: Any) -> Any:
    """``y[o, r] = b[o] + sum_k w[o, k] x[k, r]`` for 4 outputs from ``first`` and 16 rows from ``lane``.

    Parameters
    ----------
    x, w, b, y
        float32 [in, ROWS], [out, in], [out], [out, ROWS], contiguous. Nothing is checked but in builds for
        tests (`bounds`).
    """
    f32, i32, i64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
    vector = ir.VectorType(f32, _VECTOR)
    parts = range(LANES // _VECTOR)
    fused = ("contract",)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        views = [context.make_array(signature.args[i])(context, builder, args[i]) for i in range(4)]
        x_at, w_at, b_at, y_at = (view.data for view in views)
        inputs = builder.extract_value(views[1].shape, 1)
        o, r = (context.cast(builder, args[i], signature.args[i], types.intp) for i in (4, 5))

        def touched(view: Any, row: Any, rows: Any, width: Any) -> None:
            check_range(context, builder, view, builder.mul(row, width), builder.mul(rows, width))

        touched(views[0], i64(0), inputs, i64(ROWS))
        touched(views[1], o, i64(OUTPUTS), inputs)
        touched(views[2], o, i64(OUTPUTS), i64(1))
        touched(views[3], o, i64(OUTPUTS), i64(ROWS))

        def splat(value: Any) -> Any:
            none = ir.Constant(vector, ir.Undefined)
            zeros = ir.Constant(ir.VectorType(i32, _VECTOR), [0] * _VECTOR)
            return builder.shuffle_vector(builder.insert_element(none, value, i32(0)), none, zeros)

        def row(base: Any, number: Any, part: int) -> Any:
            at = builder.add(builder.mul(number, i64(ROWS)), builder.add(r, i64(part * _VECTOR)))
            return builder.bitcast(builder.gep(base, [at]), vector.as_pointer())

        outputs = [builder.add(o, i64(j)) for j in range(OUTPUTS)]
        sums = [[cgutils.alloca_once(builder, vector) for _ in parts] for _ in outputs]
        weights = []
        for j, number in enumerate(outputs):
            bias = splat(builder.load(builder.gep(b_at, [number])))
            for part in parts:
                builder.store(bias, sums[j][part])
            weights.append(builder.gep(w_at, [builder.mul(number, inputs)]))
        with cgutils.for_range(builder, inputs) as loop:
            xs = [builder.load(row(x_at, loop.index, part)) for part in parts]
            for load in xs:
                load.align = 4
            for j in range(OUTPUTS):
                weight = splat(builder.load(builder.gep(weights[j], [loop.index])))
                for part in parts:
                    product = builder.fmul(xs[part], weight, flags=fused)
                    total = builder.fadd(product, builder.load(sums[j][part]), flags=fused)
                    builder.store(total, sums[j][part])
        for j, number in enumerate(outputs):
            for part in parts:
                store = builder.store(builder.load(sums[j][part]), row(y_at, number, part))
                store.align = 4
        return context.get_dummy_value()

    return types.void(x, w, b, y, first, lane), codegen


_HALF = 16
"""Floats of half a row of 32."""
_LOOSE = ("contract", "reassoc")


def _loads(context: Any, builder: Any, signature: Any, args: Any, at: int) -> list[Any]:
    """Both halves of 32 floats of the array that is argument ``at``, from the index that is the next one."""
    i64, vector = ir.IntType(64), ir.VectorType(ir.FloatType(), _HALF)
    view = context.make_array(signature.args[at])(context, builder, args[at])
    start = context.cast(builder, args[at + 1], signature.args[at + 1], types.intp)
    loads = []
    for offset in (0, _HALF):
        check_range(context, builder, view, builder.add(start, i64(offset)), i64(_HALF))
        pointer = builder.gep(view.data, [builder.add(start, i64(offset))])
        load = builder.load(builder.bitcast(pointer, vector.as_pointer()))
        load.align = 4
        loads.append(load)
    return loads


def _times(builder: Any, a: list[Any], b: list[Any]) -> list[Any]:
    return [builder.fmul(x, y, flags=_LOOSE) for x, y in zip(a, b, strict=True)]


def _folded(builder: Any, vectors: list[Any], rows: int) -> Any:
    """Add the second half of each of ``rows`` rows, which lie in one vector or one after the other in two, to
    its first: so the sums of two rows take the steps of one.
    """
    first, second = vectors if len(vectors) == 2 else (vectors[0], vectors[0])
    lanes = sum(v.type.count for v in vectors) // rows
    shape = ir.VectorType(ir.IntType(32), rows * (lanes // 2))
    at = [lanes * row + lane for row in range(rows) for lane in range(lanes // 2)]
    low = builder.shuffle_vector(first, second, ir.Constant(shape, at))
    high = builder.shuffle_vector(first, second, ir.Constant(shape, [i + lanes // 2 for i in at]))
    return builder.fadd(low, high)


@intrinsic
def product_of_four(typingctx: Any, a: Any, i: Any, b: Any, j: Any, c: Any, k: Any, d: Any, m: Any) -> Any:
    """``sum over n < 32 of a[i + n] b[j + n] c[k + n] d[m + n]`` of flat float32 arrays.

    Checked as `tile` is.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        p, q, r, s = (_loads(context, builder, signature, args, at) for at in (0, 2, 4, 6))
        low, high = _times(builder, _times(builder, p, q), _times(builder, r, s))
        total = builder.fadd(low, high, flags=_LOOSE)
        while total.type.count > 1:
            total = _folded(builder, [total], 1)
        return builder.extract_element(total, ir.IntType(32)(0))

    return types.float32(a, i, b, j, c, k, d, m), codegen


@intrinsic
def two_products_of_four(
    typingctx: Any, a: Any, i: Any, e: Any, n: Any, b: Any, j: Any, c: Any, k: Any, d: Any, m: Any
) -> Any:
    """`product_of_four` of ``a``, ``b``, ``c``, ``d`` and of ``e``, ``b``, ``c``, ``d``: the same bits, and
    what they share is read and multiplied once.
    """
    pair = types.UniTuple(types.float32, 2)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one, other, q, r, s = (_loads(context, builder, signature, args, at) for at in (0, 2, 4, 6, 8))
        shared, totals = _times(builder, r, s), []
        for p in (one, other):
            low, high = _times(builder, _times(builder, p, q), shared)
            total = builder.fadd(low, high, flags=_LOOSE)
            # what is put together of vectors of 8 crosses their halves, which takes some processors 8 steps
            while total.type.count > 4:
                total = _folded(builder, [total], 1)
            totals.append(total)
        total = _folded(builder, totals, 2)
        while total.type.count > 2:
            total = _folded(builder, [total], 2)
        sums = [builder.extract_element(total, ir.IntType(32)(at)) for at in (0, 1)]
        return context.make_tuple(builder, signature.return_type, sums)

    return pair(a, i, e, n, b, j, c, k, d, m), codegen
