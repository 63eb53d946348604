from __future__ import annotations

import numpy as np
import pytest

from morpheus_gae.executors.cpu.lines import LINE, empty_lines, lines_of


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_rows_begin_with_a_line_and_are_padded_with_zeros(rows):
    values = np.random.default_rng(rows).random((rows, 7)).astype(np.float32)
    out = lines_of(values, 16)
    assert out.ctypes.data % LINE == 0
    assert out.flags.c_contiguous
    np.testing.assert_array_equal(out[:, :7], values)
    assert not out[:, 7:].any()


def test_a_row_may_hold_nothing():
    assert lines_of(np.empty((5, 0), np.uint16), 0).shape == (5, 0)
    assert empty_lines((0, 32), np.float32).shape == (0, 32)
