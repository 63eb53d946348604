"""Summary: counts of flows, hosts, pairs and attacks of a simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_V6 = 1 << 30


class Summary:
    """Counts over the tables of one run (whose address dictionaries are the same in all)."""

    def __init__(self) -> None:
        self.flows = 0
        self.attacks: dict[str, int] = {}
        self._pairs = np.zeros(0, np.int64)
        self._fresh: list[npt.NDArray[np.int64]] = []
        self._times: list[int] = []

    def add(self, table: pa.Table) -> None:
        """Count the rows of one table."""
        self.flows += table.num_rows
        for entry in pc.value_counts(pc.cast(table["Attack"], pa.string())).to_pylist():
            self.attacks[entry["values"]] = self.attacks.get(entry["values"], 0) + entry["counts"]
        self._fresh.append(np.unique(_endpoints(table, "SRC") << 32 | _endpoints(table, "DST")))
        if sum(part.size for part in self._fresh) > max(1_000_000, self._pairs.size):
            self._merge()
        time_ms = table["FLOW_START_MILLISECONDS"]
        self._times = [*self._times[:1], time_ms[0].as_py(), time_ms[-1].as_py()]

    def _merge(self) -> None:
        self._pairs = np.unique(np.concatenate([self._pairs, *self._fresh]))
        self._fresh = []

    def figures(self) -> dict[str, Any]:
        """Figures by name: flows, hosts, pairs, attack_flows, attacks by class, first_ms and last_ms."""
        self._merge()
        hosts = np.unique(np.concatenate([self._pairs >> 32, self._pairs & 0xFFFF_FFFF]))
        attacks = {name: self.attacks[name] for name in sorted(self.attacks) if name != "Benign"}
        return {
            "flows": self.flows,
            "hosts": int(hosts.size),
            "pairs": int(self._pairs.size),
            "attack_flows": sum(attacks.values()),
            "attacks": attacks,
            "first_ms": self._times[0] if self._times else None,
            "last_ms": self._times[-1] if self._times else None,
        }


def _endpoints(table: pa.Table, side: str) -> npt.NDArray[np.int64]:
    """A number for each address of one side, by the codes of the dictionaries."""
    code = np.concatenate([_codes(c) for c in table[f"IPV4_{side}_ADDR"].chunks])
    name = f"IPV6_{side}_ADDR"
    if name in table.column_names:
        six = np.concatenate([_codes(c) for c in table[name].chunks])
        code = np.where(code < 0, six + _V6, code)
    return code


def _codes(chunk: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    filled = pc.fill_null(chunk.indices, -1)
    return np.asarray(filled.to_numpy(zero_copy_only=False), np.int64)
