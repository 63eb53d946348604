"""Values of cuDF columns as tensors, and back: what exporters' columns are converted by on the device.

The counterpart of ``flows.exporters.values.cast``, function by function, for columns of numbers: the same
operations in the same order on float64 and int64, so that the bits are the same. Words and times as text are
taken to the host once a word, whose own functions say what they mean. Whatever is neither raises
``UnusualError``: then the host converts all of the frame.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from morpheus_gae.flows.exporters.values.cast import MOST_SAMPLED, Column
from morpheus_gae.flows.exporters.values.cast import times as times_of_words
from morpheus_gae.flows.exporters.values.kernels import NO_TIME
from morpheus_gae.flows.tables.numbers import LARGEST

if TYPE_CHECKING:
    from torch import Tensor

_WHOLE = re.compile(r"u?int(8|16|32|64)\b")
_REAL = re.compile(r"(float(32|64)?|double)\b")
_TEXT = re.compile(r"(object|str|string|large_string)\b")

_MOST = 2**62
"""Whole numbers up to here are added and subtracted without a look at each."""


BROKEN = (AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError, MemoryError)
"""What cuDF raises where it lacks something, or gives up."""


def shown(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


class UnusualError(Exception):
    """The columns hold what only the host reads."""


class Numbers(NamedTuple):
    """E numbers on a device.

    Attributes
    ----------
    values
        int64 or float64 [E]; 0 where there is none.
    absent, misfit
        bool [E]: null; NaN, infinite or beyond float32.
    """

    values: Tensor
    absent: Tensor
    misfit: Tensor


def is_whole(series: Any) -> bool:
    """Whether a column is of integers."""
    return _WHOLE.match(str(series.dtype)) is not None


def is_number(series: Any) -> bool:
    """Whether a column is of integers or floats."""
    return is_whole(series) or _REAL.match(str(series.dtype)) is not None


def is_text(series: Any) -> bool:
    """Whether a column is text."""
    return _TEXT.match(str(series.dtype)) is not None


def tensor(series: Any) -> Tensor:
    """A column without nulls as a tensor that shares its memory (DLPack), on the same stream."""
    import torch

    return torch.from_dlpack(series.values)


def absent(series: Any) -> Tensor:
    """Bool [E]: null. cuDF's ``isnull`` is true for NaN, which is no null but no number either."""
    nothing = tensor(series.isnull().astype("int8")).bool()
    return nothing & ~_nan(series) if _REAL.match(str(series.dtype)) else nothing


def numbers(series: Any) -> Numbers:
    """Read a column of numbers, as ``flows.tables.numbers.numbers``.

    Raises
    ------
    UnusualError
        If it is none, or holds whole numbers beyond int64.
    """
    import torch

    if is_whole(series):
        values = tensor(series.fillna(0).astype("int64"))
        if str(series.dtype).startswith("uint64") and bool((values < 0).any()):
            raise UnusualError
        return Numbers(values, absent(series), torch.zeros_like(values, dtype=torch.bool))
    if not is_number(series):
        raise UnusualError
    nan = _nan(series)
    values = tensor(series.fillna(0).astype("float64"))
    misfit = nan | ~(values.abs() <= LARGEST)
    none = tensor(series.isnull().astype("int8")).bool() & ~nan
    return Numbers(torch.where(misfit, 0.0, values), none, misfit)


def _nan(series: Any) -> Tensor:
    return tensor(series.ne(series).fillna(False).astype("int8")).bool()


class Maker:
    """Makes columns of a frame.

    Parameters
    ----------
    frame
        cuDF frame of E rows.
    package
        ``cudf``.

    Attributes
    ----------
    odd
        bool [E]: rows with a number that is none; the host says what is wrong with them.
    """

    def __init__(self, frame: Any, package: Any) -> None:
        import torch

        self.frame, self._package = frame, package
        where = "cuda" if torch.cuda.is_available() else "cpu"
        self.odd = torch.zeros(len(frame), dtype=torch.bool, device=where)

    def column(self, values: Tensor, none: Tensor | None = None) -> Any:
        """A column of values, null where there is none."""
        out = self._series(values)
        return out if none is None or not bool(none.any()) else self.chosen(out, ~none)

    def chosen(self, series: Any, keep: Tensor, other: Any = None) -> Any:
        """A column with another one's values, or nulls, in place of those that are not kept."""
        mask = self.flags(keep)
        return series.where(mask) if other is None else series.where(mask, other)

    def flags(self, values: Tensor) -> Any:
        """A column of bool."""
        import torch

        return self._series(values.to(torch.int8)).astype("bool")

    def _series(self, values: Tensor) -> Any:
        import cupy

        return self._package.Series(cupy.from_dlpack(values.contiguous()), index=self.frame.index)

    def first(self, columns: list[Any]) -> Any:
        """Row by row the first of some columns that has a value, as ``cast.first``."""
        column = columns[0]
        for other in columns[1:]:
            none = absent(column)
            if not bool(none.any()):
                break
            if str(column.dtype) != str(other.dtype):
                raise UnusualError
            column = self.chosen(column, ~none, other)
        return column

    def words(self, series: Any) -> tuple[pa.Array, Tensor]:
        """The different values of a column and a null, on the host, and which of them each row has."""
        import torch

        if not (is_text(series) or is_whole(series)):
            raise UnusualError
        codes, found = series.factorize()
        words = found.to_arrow()
        if isinstance(words, pa.ChunkedArray):
            words = words.combine_chunks()
        at = torch.from_dlpack(codes).to(torch.int64)
        every = pa.concat_arrays([words, pa.nulls(1, words.type)])
        return every, torch.where(at < 0, len(words), at)

    def by_word(self, series: Any, function: Callable[[Column], Any]) -> Any:
        """The column that a function of the host makes of another one."""
        words, at = self.words(series)
        return self.spread(pa.table({"0": function(pa.chunked_array([words]))}), at)["0"]

    def judged(self, series: Any, function: Callable[[Column], Any]) -> Tensor:
        """What a function of the host says of each value, as a tensor."""
        import torch

        words, at = self.words(series)
        told = np.ascontiguousarray(function(pa.chunked_array([words])))
        return torch.from_numpy(told).to(at.device)[at]

    def spread(self, table: pa.Table, at: Tensor) -> Any:
        """Rows of a table of the host, as a frame beside this one."""
        import cupy

        out = self._package.DataFrame.from_arrow(table).iloc[cupy.from_dlpack(at)]
        out.index = self.frame.index
        return out

    def times(self, series: Any) -> Tensor:
        """Times as int64 [E] microseconds since 1970, as ``cast.times``."""
        import torch

        if is_text(series):
            return self.judged(series, times_of_words)
        if not is_number(series):
            # 8 bytes a row go to the host and back: its units and zones are Arrow's
            told = series.to_arrow()
            column = told if isinstance(told, pa.ChunkedArray) else pa.chunked_array([told])
            return torch.from_numpy(times_of_words(column)).to(self.odd.device)
        read = numbers(series)
        none = read.absent | read.misfit
        return _whole_times(read.values, none) if is_whole(series) else _real_times(read.values, none)

    def ports(self, series: Any) -> Any:
        """Ports, or protocols, that are numbers, as ``cast.ports``."""
        import torch

        if is_whole(series):
            return series
        found = numbers(series)
        none = found.absent | found.misfit | (found.values < 0) | (found.values > 65_535)
        return self.column(torch.where(none, 0.0, found.values).to(torch.int32), none)

    def durations(self, series: Any, unit: float) -> Any:
        """Milliseconds, as ``cast.durations``."""
        if unit == 1:
            return series
        found = numbers(series)
        self.odd |= found.misfit
        return self.column(_rounded(found.values.double() * unit), found.absent)

    def paced(self, lengths: Any, pace: Any, packets: list[Any]) -> Any:
        """Milliseconds of lengths that may have been seconds, as ``cast.paced``."""
        import torch

        found, rate = numbers(lengths), numbers(pace).values.double()
        values = found.values.double()
        count = sum((numbers(column).values.double() for column in packets), torch.zeros_like(values))
        micros = values * 1000
        known = (rate > 0) & (count > 0)
        seconds = torch.where(known, count / torch.where(known, rate, 1.0), 0.0)
        broken = (micros - torch.round(micros)).abs() > 1e-3
        in_seconds = torch.where(known, micros < 1000 * seconds, broken)
        self.odd |= found.misfit
        return self.column(torch.where(in_seconds, _rounded(micros * 1000), values), found.absent)

    def above_0(self, series: Any) -> Any:
        """The column with null for 0."""
        found = numbers(series)
        zero = (found.values == 0) & ~found.absent & ~found.misfit
        return self.chosen(series, ~zero) if bool(zero.any()) else series

    def ratio(self, looked: Any, left: Any) -> Any:
        """Sampling rates, as ``cast.ratio``."""
        import torch

        one, other = numbers(looked), numbers(left)
        a, b = one.values.double(), other.values.double()
        known = ~(one.absent | one.misfit | other.absent | other.misfit) & (a > 0) & (b >= 0)
        return self.column((a + b) / torch.where(known, a, 1.0), ~known)

    def multiplied(self, series: Any, rate: Any) -> Any:
        """Counters times the sampling rate, as ``cast.multiplied``."""
        import torch

        rates = numbers(rate).values.double()
        if bool((rates <= 1).all()):
            return series
        factor = rates.clamp(1.0, MOST_SAMPLED)
        found = numbers(series)
        product = found.values.double() * factor
        if is_whole(series) and bool((factor == factor.floor()).all()):
            if bool((product.abs() > _MOST).any()):
                raise UnusualError
            return self.column(found.values * factor.to(torch.int64), found.absent)
        self.odd |= found.misfit
        return self.column(product, found.absent)

    def less(self, total: Any, part: Any) -> Any:
        """What a part leaves of a total, as ``cast.less``."""
        one, other = numbers(total), numbers(part)
        none = one.absent | other.absent
        if is_whole(total) and is_whole(part):
            if bool(((one.values.abs() > _MOST) | (other.values.abs() > _MOST)).any()):
                raise UnusualError
            return self.column(one.values - other.values, none)
        self.odd |= one.misfit | other.misfit
        return self.column(one.values.double() - other.values.double(), none)

    def whole(self, series: Any) -> Any:
        """Packets as whole numbers; null for what is none."""
        import torch

        found = numbers(series)
        if bool((found.values.abs() > 2**53).any()):
            raise UnusualError
        return self.column(found.values.to(torch.int64), found.absent | found.misfit)


def earliest(found: list[Tensor], like: Tensor) -> Tensor:
    """Row by row the first time that is one."""
    import torch

    out = found[0] if found else torch.full_like(like, int(NO_TIME), dtype=torch.int64)
    for other in found[1:]:
        out = torch.where(out == int(NO_TIME), other, out)
    return out


def _rounded(values: Tensor) -> Tensor:
    """To a millionth, as ``numpy.round(values, 6)``."""
    import torch

    return torch.round(values * 1e6) / 1e6


def _whole_times(values: Tensor, none: Tensor) -> Tensor:
    import torch

    return _scaled(values, torch.zeros_like(values), none)


def _real_times(values: Tensor, none: Tensor) -> Tensor:
    import torch

    none = none | ~((values > 0) & (values < 9e18))
    values = torch.where(none, 0.0, values)
    whole = values.to(torch.int64)
    return _scaled(whole, ((values - whole.double()) * 1e6 + 0.5).to(torch.int64), none)


def _scaled(whole: Tensor, micros: Tensor, none: Tensor) -> Tensor:
    """Microseconds since 1970 of numbers whose size tells their unit, see ``values.kernels``."""
    import torch

    none = none | (whole < 0) | ((whole == 0) & (micros == 0))
    out = torch.where(whole < 10**17, whole, whole // 1000)
    out = torch.where(whole < 10**14, whole * 1000 + micros // 1000, out)
    out = torch.where(whole < 10**11, whole * 1_000_000 + micros, out)
    return torch.where(none, int(NO_TIME), out)
