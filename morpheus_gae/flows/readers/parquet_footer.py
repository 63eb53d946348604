"""Parquet footers: which columns have a dictionary, told from the bytes.

Arrow tells that as well, but ends the process where the footer of a file is damaged: the exception that it
throws then is one that its Python layer does not catch (seen with pyarrow 26). Layout: Thrift's compact
protocol,
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
"""

from __future__ import annotations

from typing import Any

_MAGIC = b"PAR1"
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_DEEPEST = 32
# fields of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData
_ROW_GROUPS, _COLUMNS, _META_DATA, _PATH, _DICTIONARY_PAGE = 4, 1, 3, 3, 11


def with_dictionary(file: Any) -> set[str]:
    """Columns of the first row group that have a dictionary page, as dotted paths.

    Parameters
    ----------
    file
        Binary, and can be sought.

    Returns
    -------
    set of str
        Empty if that cannot be told.
    """
    try:
        size = file.seek(0, 2)
        file.seek(max(size - 8, 0))
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or length > size - 8:
            return set()
        file.seek(size - 8 - length)
        return _Compact(file.read(length)).dictionaries()
    except (IndexError, ValueError, OverflowError):
        return set()


class _Compact:
    """Reads Thrift's compact protocol; raises IndexError or ValueError where it is none."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def dictionaries(self) -> set[str]:
        found: set[str] = set()
        for _ in self._fields(_ROW_GROUPS, _LIST):
            if not self._elements(_STRUCT):
                continue
            for _ in self._fields(_COLUMNS, _LIST):
                for _ in range(self._elements(_STRUCT)):
                    found |= self._column()
            # of the first row group alone
            return found
        return found

    def _column(self) -> set[str]:
        path, has = "", False
        for _ in self._fields(_META_DATA, _STRUCT):
            for number, _ in self._struct():
                if number == _PATH:
                    path = ".".join(self._text() for _ in range(self._elements(_BINARY)))
                    continue
                has |= number == _DICTIONARY_PAGE
                self._skip(self._kind)
        return {path} if has else set()

    def _fields(self, wanted: int, kind: int) -> Any:
        """Stops at each field of a number, for the caller to read; passes over the others."""
        for number, found in self._struct():
            if number == wanted and found == kind:
                yield number
            else:
                self._skip(found)

    def _struct(self) -> Any:
        """Number and kind of each field; whoever asks reads or skips it."""
        number = 0
        while (head := self._byte()) != 0:
            delta, self._kind = head >> 4, head & 15
            number = number + delta if delta else self._zigzag()
            yield number, self._kind

    def _elements(self, kind: int) -> int:
        """How many elements a list has; 0, and passed over, if they are of another kind."""
        size, found = self._list()
        if found != kind:
            for _ in range(size):
                self._skip(found, inside=True)
            return 0
        return size

    def _list(self) -> tuple[int, int]:
        head = self._byte()
        size = head >> 4
        return (self._varint() if size == 15 else size), head & 15

    def _skip(self, kind: int, depth: int = 0, inside: bool = False) -> None:
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        if kind in (_TRUE, _FALSE):
            # in a list each has a byte of its own, as a field it is its kind
            self._at += inside
        elif kind == _BYTE:
            self._at += 1
        elif kind in (_I16, _I32, _I64):
            self._varint()
        elif kind == _DOUBLE:
            self._at += 8
        elif kind == _BINARY:
            # one after the other: reading the length moves on as well
            size = self._varint()
            self._at += size
        elif kind in (_LIST, _SET):
            size, element = self._list()
            for _ in range(size):
                self._skip(element, depth + 1, inside=True)
                self._check()
        elif kind == _STRUCT:
            for _, field in self._struct():
                self._skip(field, depth + 1)
        else:
            # a map, which no footer has, or nothing known
            raise ValueError(f"kind {kind}")
        self._check()

    def _check(self) -> None:
        if self._at > len(self._data):
            raise IndexError("beyond the end")

    def _byte(self) -> int:
        value = self._data[self._at]
        self._at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            octet = self._byte()
            value |= (octet & 0x7F) << shift
            if octet < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number that does not end")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _text(self) -> str:
        size = self._varint()
        text = self._data[self._at : self._at + size]
        self._at += size
        self._check()
        return text.decode("utf-8")
