"""New partners: a host that meets as few as usual adds nothing, more never add less, and order is nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.model.activity import MOST
from morpheus_gae.model.partners import Met, Partners, known_past, met_in, met_of, raises
from tests.model.make import SPECS, sound_tensors

PRIOR = np.array([[1.2, 0.1, 2.0, 0.5], [1.2, 0.1, 2.0, 0.5]], np.float32)
pairs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.booleans()), min_size=1, max_size=60)
pasts = st.lists(st.integers(-1, 30), min_size=16, max_size=16)


def told(of: list[tuple[int, int, bool]], past: list[int], share: float = 0.01) -> np.ndarray:
    src, dst, new = (np.array(v) for v in zip(*of, strict=True))
    return raises(PRIOR, src, dst, Met(new.astype(bool), np.array(past, float).reshape(2, 8), share))


def out_of_one(count: int) -> list[tuple[int, int, bool]]:
    """New pairs from host 0 to hosts of no past."""
    return [(0, 1 + i % 7, True) for i in range(count)]


@given(of=pairs, past=pasts, share=st.floats(1e-6, 10))
def test_what_is_added_is_bounded_and_goes_to_new_pairs_of_known_hosts(
    of: list[tuple[int, int, bool]], past: list[int], share: float
) -> None:
    got = told(of, past, share)
    assert got.dtype == np.float32
    assert ((got >= 0) & (got <= MOST)).all()
    assert not got[[not new for *_, new in of]].any()
    assert not told(of, [-1] * 16, share).any()


@given(of=pairs, past=pasts, seed=st.integers(0, 1000))
def test_order_changes_nothing(of: list[tuple[int, int, bool]], past: list[int], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(of))
    np.testing.assert_array_equal(told([of[i] for i in order], past), told(of, past)[order])


@given(of=pairs, past=pasts, more=pairs)
def test_more_new_partners_never_lower_anything(
    of: list[tuple[int, int, bool]], past: list[int], more: list[tuple[int, int, bool]]
) -> None:
    # as to what a window of so many flows is expected to hold, that stays
    assert (told([*of, *more], past)[: len(of)] >= told(of, past)).all()


@given(past=st.integers(0, 10**6), share=st.floats(1e-3, 1))
def test_as_many_as_usual_add_nothing(past: int, share: float) -> None:
    usual = int((past + 1) * share)
    src = np.zeros(min(usual, 5000), int)
    met = Met(np.ones(src.shape[0], bool), np.array([[past, -1.0], [-1, -1]]), share)
    assert not raises(PRIOR, src, src + 1, met).any()


def test_who_goes_out_to_many_is_told_and_so_is_to_whom_many_come() -> None:
    nobody = [-1] * 7
    assert told(out_of_one(30), [1, *nobody, *[-1] * 8]).min() > 2
    assert not told(out_of_one(2), [1, *nobody, *[-1] * 8]).any()
    assert not told(out_of_one(30), [9000, *nobody, *[-1] * 8]).any()
    come = [(d, s, new) for s, d, new in out_of_one(30)]
    assert told(come, [*[-1] * 8, 1, *nobody]).min() > 2
    # a host that memory does not know meets everybody for the first time
    assert not told(come, [-1] * 16).any()


def test_the_larger_of_both_ends_counts() -> None:
    many = out_of_one(30)
    assert (
        told([*many, (7, 7, True)], [1, *[-1] * 7, *[0] * 8])[:30].min()
        >= told(many, [1, *[-1] * 7, *[-1] * 8]).min()
    )


def test_a_window_beside_memory() -> None:
    t = sound_tensors(SPECS["meeting"])
    t["memory.host_in"][2, 0] = 0
    past = known_past(t["partners.past"], t["memory.host_out"][:, 0], t["memory.host_in"][:, 0])
    assert past.dtype == np.float32
    assert past[2].tolist() == [t["partners.past"][2, 0], -1]
    met = met_in(past, 50.0, np.array([3, -1]), np.array([2, -1, 0]), 5)
    assert met.new.tolist() == [False, True]
    assert met.past.T.tolist() == [past[2].tolist(), [-1, -1], past[0].tolist()]
    assert met.share == pytest.approx(0.1)


def test_an_empty_memory_adds_nothing() -> None:
    none = met_in(np.zeros((0, 2), np.float32), 0.0, np.array([-1]), np.array([-1, -1]), 9)
    assert not raises(PRIOR, np.array([0]), np.array([1]), none).any()


def test_first_meetings_come_from_a_model_and_its_memory(tmp_path) -> None:
    from tests.model.make import sound

    artifact = sound(tmp_path, SPECS["meeting"])
    assert isinstance(artifact.partners, Partners)
    met = met_of(artifact.partners, artifact.memory, np.array([-1]), np.array([0]), 3)
    assert met.share == pytest.approx(3 / artifact.memory.host_out[:, 0].sum())
