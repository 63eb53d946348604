"""Hand-written loads and stores are checked in the build of ``make test-checked``."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from morpheus_gae.flows.bytes.bounds import CHECKED
from morpheus_gae.flows.bytes.loads import byte_at, put_word, word_at

pytestmark = pytest.mark.skipif(not CHECKED, reason="only where indices are checked")
OUTSIDE = "outside its array"


@njit
def byte(data, at):
    return byte_at(data, at)


@njit
def word(data, at):
    return word_at(data, at)


@njit
def put(data, at):
    put_word(data, at, np.uint64(1))
    return data[at]


@pytest.mark.parametrize(("kernel", "width"), [(byte, 1), (word, 8), (put, 8)])
def test_nothing_is_touched_outside(kernel, width):
    data = np.zeros(20, np.uint8)
    kernel(data, 0)
    kernel(data, 20 - width)
    for at in (-1, 21 - width, 20, np.iinfo(np.int64).max, np.iinfo(np.int64).min):
        with pytest.raises(IndexError, match=OUTSIDE):
            kernel(data, at)
    with pytest.raises(IndexError, match=OUTSIDE):
        kernel(data[:0], 0)


def test_views_end_where_they_say():
    data = np.arange(40, dtype=np.uint8)
    assert word(data[8:16], 0) == word(data, 8)
    with pytest.raises(IndexError, match=OUTSIDE):
        word(data[8:16], 1)
