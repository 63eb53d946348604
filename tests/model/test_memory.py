from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.executors.cpu.memory import Table
from morpheus_gae.model.memory import find, host_keys, mix, pair_keys


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=200, unique=True),
    st.lists(st.integers(0, 2**64 - 1), max_size=50),
)
def test_hash_table_finds_what_sorted_search_finds(keys, others):
    table = np.sort(np.array(keys, np.uint64))
    asked = np.array(others + keys[::2], np.uint64)
    np.testing.assert_array_equal(Table(table).find(asked), find(table, asked))


def test_mix_is_a_bijection_on_a_sample():
    assert np.unique(mix(np.arange(100_000, dtype=np.uint64))).size == 100_000


def test_keys_depend_on_salt_address_and_direction():
    hi, lo = np.zeros(1000, np.uint64), np.arange(1000, dtype=np.uint64)
    a, b = host_keys(hi, lo, 1), host_keys(hi, lo, 2)
    assert np.unique(np.concatenate([a, b])).size == 2000
    assert (host_keys(lo, hi, 1)[1:] != a[1:]).all()
    assert (pair_keys(a[:-1], a[1:]) != pair_keys(a[1:], a[:-1])).all()
