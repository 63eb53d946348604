"""Columns of training on disk are arrays like any others, and leave nothing behind."""

from __future__ import annotations

import errno
import gc
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morpheus_gae.errors import InputError, OutputError
from morpheus_gae.train.read import read_for_training
from morpheus_gae.train.spool import SMALL, Spool, blocks, let_go


@pytest.mark.parametrize("rows", [10, SMALL])
def test_what_is_written_comes_back_after_it_left_memory(tmp_path: Path, rows: int) -> None:
    column = Spool(tmp_path).zeros((rows, 2), np.float32)
    assert not column.any()
    column[:] = np.arange(2 * rows).reshape(rows, 2)
    let_go()
    assert (column[:, 1] == np.arange(2 * rows, dtype=np.float32)[1::2]).all()


@settings(max_examples=20, deadline=None)
@given(parts=st.lists(st.integers(0, 3 * SMALL // 16), min_size=1, max_size=4), seed=st.integers(0, 9))
def test_a_column_is_its_parts_in_order(parts: list[int], seed: int) -> None:
    rng, spool = np.random.default_rng(seed), Spool()
    given = [rng.integers(0, 1 << 60, (n, 2)) for n in parts]
    column = spool.column()
    for part in given:
        column.add(part)
    whole, found = np.concatenate(given), column.array()
    assert found.dtype == whole.dtype
    assert (found == whole).all()
    chosen = rng.random(whole.shape[0]) < 0.5
    order = rng.permutation(whole.shape[0])
    assert (spool.taken(found, chosen) == whole[chosen]).all()
    assert (spool.taken(found, order) == whole[order]).all()


def test_blocks_are_all_rows_in_order() -> None:
    assert [np.arange(10)[part].tolist() for part in blocks(10, 4)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    assert not list(blocks(0))


def test_nothing_lies_in_the_folder(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "not" / "there" / "yet")
    column, held = spool.column(), spool.zeros((SMALL,), np.int64)
    column.add(held)
    assert (column.array() == held).all()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OutputError, match=r"no room for 8 MB more: No space left"):
        Spool(tmp_path).zeros((SMALL,), np.int64)


def test_a_folder_that_cannot_be_written_to_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    with pytest.raises(OutputError, match=r"keeps its columns in .*: Permission denied"):
        Spool(tmp_path).column()


def test_what_cannot_be_read_leaves_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text("IPV4_SRC_ADDR,IPV4_DST_ADDR,IN_BYTES,OUT_BYTES\n10.0.0.1,here,1,2\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for source in (path, tmp_path / "none.csv"):
            with pytest.raises(InputError):
                read_for_training([str(source)], near=tmp_path)
        gc.collect()
