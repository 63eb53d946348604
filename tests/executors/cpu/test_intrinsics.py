"""What the vector kernels touch is checked in the build of ``make test-checked``."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from morpheus_gae.executors.cpu.intrinsics import LANES, OUTPUTS, ROWS, product_of_four, tile
from morpheus_gae.flows.bytes.bounds import CHECKED

pytestmark = pytest.mark.skipif(not CHECKED, reason="only where indices are checked")
OUTSIDE = "outside its array"


@njit
def one_tile(x, w, b, y, first):
    tile(x, w, b, y, first, ROWS - LANES)


@njit
def product(a, at):
    return product_of_four(a, 0, a, 0, a, at, a, 0)


def ones(*shape):
    return np.ones(shape, np.float32)


def test_a_tile_inside():
    y = np.zeros((2 * OUTPUTS, ROWS), np.float32)
    one_tile(ones(3, ROWS), ones(2 * OUTPUTS, 3), ones(2 * OUTPUTS), y, OUTPUTS)
    assert (y[OUTPUTS:, -LANES:] == 4).all()
    assert y.sum() == 4 * OUTPUTS * LANES


@pytest.mark.parametrize("short", range(4))
def test_a_tile_that_reaches_outside(short):
    arrays = [ones(3, ROWS), ones(OUTPUTS, 3), ones(OUTPUTS), ones(OUTPUTS, ROWS)]
    one_tile(*arrays, 0)
    arrays[short] = arrays[short][:-1]
    with pytest.raises(IndexError, match=OUTSIDE):
        one_tile(*arrays, 0)


@pytest.mark.parametrize("first", [-OUTPUTS, 1])
def test_a_tile_of_outputs_that_are_not_there(first):
    with pytest.raises(IndexError, match=OUTSIDE):
        one_tile(ones(3, ROWS), ones(OUTPUTS, 3), ones(OUTPUTS), ones(OUTPUTS, ROWS), first)


@pytest.mark.parametrize("at", [-1, 9, 40])
def test_a_product_that_reaches_outside(at):
    assert product(ones(40), 8) == 32
    with pytest.raises(IndexError, match=OUTSIDE):
        product(ones(40), at)
