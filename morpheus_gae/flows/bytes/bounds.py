"""Checks of what hand-written loads and stores touch, in builds for tests.

With ``NUMBA_BOUNDSCHECK=1`` numba checks its own indices, but not the pointers that an intrinsic makes: those
are checked here. Without it nothing is added. Compiled code of the two kinds must not share a
``NUMBA_CACHE_DIR``, since numba takes either for the other.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, config

CHECKED = bool(config.BOUNDSCHECK)
"""Whether this process compiles the checks."""


def check_range(context: Any, builder: Any, array: Any, first: Any, count: Any) -> None:
    """Let the kernel raise unless ``count`` items from ``first`` lie in a contiguous array.

    Parameters
    ----------
    context, builder
        Of the function being compiled.
    array
        The array's struct (``context.make_array``).
    first, count
        int64 values; an empty range lies anywhere.

    Raises
    ------
    IndexError
        By the compiled code, when it runs.
    """
    if not CHECKED:
        return
    zero = ir.Constant(ir.IntType(64), 0)
    inside = builder.and_(
        builder.icmp_signed(">=", first, zero),
        # written so that it cannot overflow
        builder.icmp_signed("<=", first, builder.sub(array.nitems, count)),
    )
    outside = builder.and_(builder.icmp_signed(">", count, zero), builder.not_(inside))
    with cgutils.if_unlikely(builder, outside):
        context.call_conv.return_user_exc(builder, IndexError, ("a load or store outside its array",))
