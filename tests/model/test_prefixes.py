"""Prefixes: which addresses are alike, and what stands in for whom memory does not know."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")


from morpheus_gae.model.memory import find, host_keys, pair_keys
from morpheus_gae.model.prefixes import near, prefix_keys
from morpheus_gae.model.recall import recall
from tests.model.prefix_model import NET, SALT, addresses, memory_and_prefixes


def keys(*texts: str) -> tuple[np.ndarray, np.ndarray]:
    return prefix_keys(*addresses(*texts), SALT)


@pytest.mark.parametrize(
    ("a", "b", "narrow", "wide"),
    [
        ("10.1.2.3", "10.1.2.250", True, True),
        ("10.1.2.3", "10.1.3.3", False, True),
        ("10.1.2.3", "10.2.2.3", False, False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True, True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False, True),
        ("2001:db8:1:2::1", "2001:db8:2:2::1", False, False),
        ("0.0.0.0", "::", False, False),
    ],
)
def test_addresses_are_alike_by_24_and_16_bits_or_64_and_48(a, b, narrow, wide):
    first, second = keys(a, b)
    assert (first[0] == first[1], second[0] == second[1]) == (narrow, wide)
    # no prefix has the key of an address, or of another prefix
    hosts = host_keys(*addresses(a, b), SALT)
    assert not set(first) & set(second)
    assert not (set(first) | set(second)) & set(hosts)


def test_kin_stands_in_for_unknown_hosts_and_pairs_alone():
    memory, prefixes = memory_and_prefixes()
    # a newcomer and a known desk to a known server, the known pair, a stranger
    hi, lo = addresses(f"{NET}.77", f"{NET}.1", "10.9.9.9", "203.0.113.5")
    src, dst = np.array([0, 1, 3]), np.array([2, 2, 2])
    host = find(memory.host_key, host_keys(hi, lo, SALT))
    key = host_keys(hi, lo, SALT)
    forward = find(memory.pair_key, pair_keys(key[src], key[dst]))
    reverse = find(memory.pair_key, pair_keys(key[dst], key[src]))
    got = near(prefixes, SALT, hi, lo, src, dst, (host, forward, reverse))
    assert (host >= 0).tolist() == [False, True, True, False]
    assert (got.host >= 0).tolist() == [True, False, False, False]
    assert (forward >= 0).tolist() == [False, True, False]
    assert (got.pair >= 0).tolist() == [True, False, False]
    told = recall(memory, hi, lo, src, dst, prefixes)
    plain = recall(memory, hi, lo, src, dst)
    # pairs and hosts, not flows; "seen" is not positive
    np.testing.assert_allclose(told.existence[0, 0], np.log1p(prefixes.pair[got.pair[0], 0]) / 4)
    assert told.existence[0, 6] == prefixes.pair_seen[got.pair[0]] < 0
    assert told.existence[0, 8] == prefixes.seen[got.host[0]] <= 0
    np.testing.assert_array_equal(told.types[0], prefixes.pair_types[got.pair[0]].astype(np.float32))
    for name in ("existence", "profile", "types"):
        np.testing.assert_array_equal(getattr(told, name)[1:], getattr(plain, name)[1:])


def test_a_wide_prefix_stands_in_where_the_narrow_one_is_unknown():
    memory, prefixes = memory_and_prefixes()
    hi, lo = addresses("10.1.200.8", "10.9.9.9")
    src, dst = np.array([0]), np.array([1])
    host = find(memory.host_key, host_keys(hi, lo, SALT))
    none = np.full(1, -1)
    got = near(prefixes, SALT, hi, lo, src, dst, (host, none, none))
    assert prefixes.seen[got.host[0]] <= -1
    assert prefixes.pair_seen[got.pair[0]] <= -1
    assert got.reverse[0] == -1


def test_nothing_is_looked_up_of_an_empty_table():
    memory, prefixes = memory_and_prefixes()
    empty = dataclasses.replace(
        prefixes, **{f.name: getattr(prefixes, f.name)[:0] for f in dataclasses.fields(prefixes)}
    )
    hi, lo = addresses(f"{NET}.77", "10.9.9.9")
    a, b = (recall(memory, hi, lo, np.array([0]), np.array([1]), p) for p in (empty, None))
    np.testing.assert_array_equal(a.existence, b.existence)
