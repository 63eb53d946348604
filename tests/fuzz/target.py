"""Target: one input through the whole product path, and what must hold whatever it is."""

from __future__ import annotations

import io
import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from morpheus_gae.errors import GaeError, UsageError
from morpheus_gae.flows.addresses.text import parse_status
from morpheus_gae.flows.exporters.convert import FlowBatch
from morpheus_gae.flows.exporters.mapping import read_map
from morpheus_gae.flows.frame import Flows
from morpheus_gae.flows.payloads.decode import PayloadDecoder
from morpheus_gae.flows.readers.read import read_flows
from morpheus_gae.flows.tables.checks import checked
from morpheus_gae.flows.tables.numbers import numbers
from morpheus_gae.sinks.dead_letters import dead_letter
from tests.fuzz.case import Case
from tests.fuzz.score import Scorer

LONGEST = 20_000
"""Characters of an error: it is to be read by people."""


class Violation(AssertionError):
    """Something that must hold does not; the first word names it."""


class Target:
    """Runs inputs. ``folder``: where files may be written, best in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._scorer = Scorer(folder)

    def move(self, folder: Path) -> None:
        """Write into another folder from now on."""
        self._folder = folder

    def clean(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, case: Case) -> str:
        """Outcome in a few words; raises whatever the product raises that is none of its own errors."""
        try:
            with warnings.catch_warnings():
                # on a terminal they would stand between the lines that are meant for people
                warnings.simplefilter("error")
                return getattr(self, f"_{case.target}")(case)
        except GaeError as error:
            told = str(error)
            # what the user wrote may be shown to the user
            own = LONGEST if isinstance(error, UsageError) else 0
            if "\n" in told or "\r" in told or len(told) > LONGEST or own < told.count("\x1b"):
                raise Violation(f"error text of {len(told)} characters: {told[:300]!r}") from error
            if not told.encode("utf-8"):
                raise Violation("error without a text") from error
            words = "".join(c if c.isalpha() else " " for c in told.partition(":")[2][:60]).split()
            return f"{type(error).__name__} {' '.join(words[:4])}"

    def _file(self, case: Case) -> str:
        told = case.told
        settings = {
            k: told[k] for k in ("preset", "block_bytes", "batch_rows", "dictionaries", "skip") if k in told
        }
        if "map" in told:
            settings["preset"] = read_map(told["map"], told.get("columns"), told.get("preset"))
        if told.get("stdin"):
            given = told["stdin"]
            settings["stdin_format"] = given if isinstance(given, str) else None
            before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(case.parts[0]))
            try:
                batches = list(read_flows("-", **settings))
            finally:
                sys.stdin = before
        else:
            path = self._folder / f"flows{told['suffix']}"
            path.write_bytes(case.parts[0])
            batches = list(read_flows(str(path), **settings))
        self._count(batches, case.rows)
        flows = [batch.flows for batch in batches if len(batch.flows)]
        self._check(flows)
        for batch in batches:
            if (np.diff(batch.flows.rows) < 0).any():
                raise Violation("flows out of order")
            for bad in batch.bad:
                if dead_letter(bad).count(b"\n") != 1:
                    raise Violation("dead letter of more than one line")
        if case.whole and flows:
            self._scorer.run(flows)
        reasons = sorted({bad.reason.value for batch in batches for bad in batch.bad})
        skipped = sorted({reason for batch in batches for reason, n in batch.skipped.items() if n})
        preset = next((batch.preset for batch in batches if batch.preset), None)
        return f"{'flows' if flows else 'none'} {preset} {' '.join([*reasons, *skipped])}"

    def _count(self, batches: list[FlowBatch], rows: int | None) -> None:
        """Every record is a flow, bad or skipped; none is two of these."""
        seen: list[int] = []
        skipped = 0
        for batch in batches:
            flows, bad = set(batch.flows.rows.tolist()), [record.row for record in batch.bad]
            if flows.intersection(bad) and batch.preset != "azure":
                raise Violation("rows both scored and dead")
            if len(set(bad)) < len(bad) and batch.preset != "azure":
                raise Violation("rows dead twice")
            seen += flows.union(bad)
            skipped += batch.skipped.total()
        if len(set(seen)) < len(seen):
            raise Violation("rows told by two batches")
        if rows is not None and len(seen) + skipped != rows:
            raise Violation(f"rows lost or made: {rows} in, {len(seen)} flows and dead, {skipped} skipped")

    def _check(self, given: list[Flows]) -> None:
        """Flows are what ``Flows`` says."""
        for flows in given:
            e = len(flows)
            parts: list[Any] = [
                flows.src_hi,
                flows.dst_hi,
                flows.dst_lo,
                flows.duration_missing,
                flows.rows,
                flows.attributes,
            ]
            if flows.time_ms is not None:
                parts.append(flows.time_ms)
            if any(len(part) != e for part in parts) or flows.table.num_rows != e:
                raise Violation("flows of different lengths")
            if not (np.isfinite(flows.attributes).all() and (flows.attributes >= 0).all()):
                raise Violation("attributes not finite, or negative")

    def _payload(self, case: Case) -> str:
        told = case.told
        decoder = PayloadDecoder("topic", told.get("preset"), told.get("avro"))
        values = case.parts
        for _ in range(2 if told.get("twice") else 1):
            out = decoder.decode(values, told["types"])
        e = len(out.flows)
        if len(out.message) != e or len(out.row) != e or (e > 1 and (np.diff(out.message) < 0).any()):
            raise Violation("messages of different lengths or out of order")
        flows = set(zip(out.message.tolist(), out.row.tolist(), strict=True))
        if len(flows) < e:
            raise Violation("flows of one name")
        bad = [(b.message, b.row) for b in out.bad]
        # of records that hold several flows, the flows are numbered
        several = any(b"flowTuples" in value for value in values)
        if len(set(bad)) < len(bad) and not several:
            raise Violation("rows dead twice")
        if flows.intersection(bad) and not several:
            raise Violation("rows both scored and dead")
        self._check([out.flows])
        if case.whole and e:
            self._scorer.run([out.flows])
        reasons = sorted({b.reason.value for b in out.bad})
        return f"{'flows' if e else 'none'} {out.preset} {' '.join([*reasons, *sorted(out.skipped)])}"

    def _door(self, case: Case) -> str:
        """What happens to a table before anybody knows whose it is, and what kernels do with its columns."""
        data = pa.BufferReader(case.parts[0])
        try:
            if case.kind == "parquet":
                table = pq.ParquetFile(data).read()
            else:
                opened = pa.ipc.open_file if case.parts[0].startswith(b"ARROW1") else pa.ipc.open_stream
                table = opened(data).read_all()
        except (pa.ArrowException, OSError, EOFError):
            return "unreadable"
        except UnicodeDecodeError:
            return "names that are no text"
        table, garbled = checked(table)
        if garbled is not None:
            table = table.filter(pa.array(~garbled))
        for column in table.columns:
            parse_status(column)
            numbers(column)
        table.take(pa.array(range(table.num_rows)[::-1], pa.int64()))
        return f"checked {'none' if garbled is None else 'some'}"

    def _model(self, case: Case) -> str:
        folder = self._folder / "model"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_bytes(case.parts[0])
        (folder / "model.safetensors").write_bytes(case.parts[1])
        return self._scorer.model(folder)


def folder_in_memory() -> Path:
    """A folder for this process, in memory where the system has such a place."""
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(os.environ.get("TMPDIR", "/tmp"))
    folder = base / f"fuzz-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    return folder
