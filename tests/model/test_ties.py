"""T in the bits that float32 leaves free: exact, ordered, and the same in NumPy, numba and torch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from morpheus_gae.executors.cpu import ties as cpu_ties
from morpheus_gae.model.ties import apart, centre_of, ties

LARGEST = float(np.finfo(np.float32).max)
counters = st.floats(0, LARGEST, width=32) | st.integers(0, 1 << 24).map(float)
MEAN = np.array([5.0, 6.0, 3.0], np.float32)


@st.composite
def flows(draw):
    n = draw(st.integers(1, 20))
    attributes = draw(arrays(np.float32, (n, 3), elements=counters))
    surprise = draw(arrays(np.float32, n, elements=st.floats(0, 1000, width=32)))
    return surprise, attributes, draw(arrays(np.bool_, n))


@given(flows(), arrays(np.float32, 3, elements=st.floats(0, 80, width=32)))
def test_t_fits_and_changes_no_decision(given_flows, mean):
    surprise, attributes, missing = given_flows
    centre = centre_of(mean)
    t = ties(attributes, missing, centre)
    assert ((t >= 0) & (t < 1 << 29)).all()
    told = apart(surprise, attributes, missing, centre)
    # between its float32 and the next one, so every float32 threshold decides as before
    assert ((told >= surprise) & (told < np.nextafter(surprise, np.float32(np.inf)))).all()
    assert np.lexsort((t, surprise)).tolist() == np.argsort(told, kind="stable").tolist()


@settings(max_examples=200)
@given(counters, counters, st.integers(0, 2), st.sampled_from([-1, 1]))
def test_flows_that_differ_in_one_attribute_differ(one, other, column, side):
    centre = centre_of(MEAN)
    two = np.full((2, 3), 20, np.float32)
    two[:, column] = one, other
    bits = (np.float32(1) + two[:, column]).view(np.int32).astype(np.int64)
    away = bits - centre[column]
    same_side = (away >= 0).all() or (away < 0).all()
    t = ties(two, np.zeros(2, bool), centre)
    if same_side and abs(bits[0] - bits[1]) >= 2 and np.abs(away).max() < 1 << 28:
        assert (t[0] < t[1]) == (abs(away[0]) < abs(away[1]))
        assert t[0] != t[1]


def test_a_missing_duration_is_no_duration_of_0():
    two = np.zeros((2, 3), np.float32)
    t = ties(two, np.array([False, True]), centre_of(MEAN))
    assert t[0] != t[1]


@given(flows())
def test_every_form_gives_the_same_bits(given_flows):
    surprise, attributes, missing = given_flows
    centre = centre_of(MEAN)
    told = apart(surprise, attributes, missing, centre)
    out = np.empty(surprise.shape[0])
    cpu_ties.apart(0, surprise.shape[0], surprise, attributes, missing, centre, out)
    assert out.tobytes() == told.tobytes()


@given(flows())
def test_a_device_gives_the_same_bits(given_flows):
    torch = pytest.importorskip("torch")
    from morpheus_gae.executors.cuda import ties as device_ties

    surprise, attributes, missing = given_flows
    centre = centre_of(MEAN)
    sent = (torch.from_numpy(a.copy()) for a in (surprise, attributes, missing, centre))
    assert (
        device_ties.apart(*sent).numpy().tobytes() == apart(surprise, attributes, missing, centre).tobytes()
    )
