from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.executors.cpu.bins import SHIFT, bucket_starts
from morpheus_gae.model.bins import MISSING, bin_of, fit_edges, group_bins

counters = st.lists(st.integers(0, 10**7) | st.sampled_from([40, 60, 72]), min_size=1, max_size=200)


@settings(deadline=None)
@given(counters)
def test_bins_are_monotone_and_missing_has_its_own(sample):
    v = np.array(sample, np.float32)
    edges = fit_edges(v)
    assert (np.diff(edges) > 0).all()
    bins = bin_of(edges, np.sort(v))
    assert (np.diff(bins) >= 0).all()
    assert (bins >= 1).all()
    assert bin_of(edges, np.array([MISSING]))[0] == 0


def test_a_frequent_value_is_a_bin_of_its_own():
    v = np.concatenate([np.full(500, 60), np.arange(1000, 1500)]).astype(np.float32)
    edges = fit_edges(v)
    atom, below, above = bin_of(edges, np.array([60, 59.9, 60.1], np.float32))
    assert below < atom < above


@settings(deadline=None)
@given(counters)
def test_bucket_starts_never_pass_the_bin(sample):
    v = np.array(sample, np.float32)
    edges = fit_edges(v)
    start = bucket_starts(edges)[v.view(np.int32) >> SHIFT]
    assert (start <= bin_of(edges, v)).all()


@given(st.lists(st.integers(0, 100), min_size=1, max_size=100))
def test_groups_are_contiguous_and_at_most_twelve(mass):
    groups = group_bins(np.array(mass, float))
    assert groups[0] == 0
    assert set(np.diff(groups)) <= {0, 1}
    assert groups[-1] < 12
