"""Products of rows; what the vector kernels touch is checked in the build of ``make test-checked``."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from morpheus_gae.executors.cpu.intrinsics import (
    LANES,
    OUTPUTS,
    ROWS,
    product_of_four,
    tile,
    two_products_of_four,
)
from morpheus_gae.flows.bytes.bounds import CHECKED

checked = pytest.mark.skipif(not CHECKED, reason="only where indices are checked")
OUTSIDE = "outside its array"


@njit
def one_tile(x, w, b, y, first):
    tile(x, w, b, y, first, ROWS - LANES)


@njit
def product(a, at):
    return product_of_four(a, 0, a, 0, a, at, a, 0)


@njit
def one_and_one(a, i, e, n, b, j, c, d):
    return product_of_four(a, i, b, j, c, 0, d, 0), product_of_four(e, n, b, j, c, 0, d, 0)


@njit
def two(a, i, e, n, b, j, c, d):
    return two_products_of_four(a, i, e, n, b, j, c, 0, d, 0)


def ones(*shape):
    return np.ones(shape, np.float32)


@checked
def test_a_tile_inside():
    y = np.zeros((2 * OUTPUTS, ROWS), np.float32)
    one_tile(ones(3, ROWS), ones(2 * OUTPUTS, 3), ones(2 * OUTPUTS), y, OUTPUTS)
    assert (y[OUTPUTS:, -LANES:] == 4).all()
    assert y.sum() == 4 * OUTPUTS * LANES


@checked
@pytest.mark.parametrize("short", range(4))
def test_a_tile_that_reaches_outside(short):
    arrays = [ones(3, ROWS), ones(OUTPUTS, 3), ones(OUTPUTS), ones(OUTPUTS, ROWS)]
    one_tile(*arrays, 0)
    arrays[short] = arrays[short][:-1]
    with pytest.raises(IndexError, match=OUTSIDE):
        one_tile(*arrays, 0)


@checked
@pytest.mark.parametrize("first", [-OUTPUTS, 1])
def test_a_tile_of_outputs_that_are_not_there(first):
    with pytest.raises(IndexError, match=OUTSIDE):
        one_tile(ones(3, ROWS), ones(OUTPUTS, 3), ones(OUTPUTS), ones(OUTPUTS, ROWS), first)


@checked
@pytest.mark.parametrize("at", [-1, 9, 40])
def test_a_product_that_reaches_outside(at):
    assert product(ones(40), 8) == 32
    with pytest.raises(IndexError, match=OUTSIDE):
        product(ones(40), at)


@checked
@pytest.mark.parametrize("at", [-1, 9, 40])
def test_two_products_that_reach_outside(at):
    a = ones(40)
    assert two(a, 8, a, 0, a, 8, a, a) == (32, 32)
    for where in ((at, 0, 0), (0, at, 0), (0, 0, at)):
        with pytest.raises(IndexError, match=OUTSIDE):
            two(a, where[0], a, where[1], a, where[2], a, a)


@pytest.mark.parametrize("seed", range(20))
def test_two_products_at_once_have_the_bits_of_one_after_the_other(seed):
    rng = np.random.default_rng(seed)
    a, e, b, c, d = (rng.lognormal(0, 3, 48).astype(np.float32) for _ in range(5))
    i, n, j = rng.integers(0, 17, 3)
    got = two(a, i, e, n, b, j, c, d)
    assert got == one_and_one(a, i, e, n, b, j, c, d)
    wanted = [
        np.sum(np.prod([x[k : k + 32].astype(float), b[j : j + 32], c[:32], d[:32]], 0))
        for x, k in ((a, i), (e, n))
    ]
    np.testing.assert_allclose(got, wanted, rtol=1e-5)
