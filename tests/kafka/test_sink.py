"""The sink: keys, partitions and forms of messages, without a broker."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from morpheus_gae.errors import UsageError
from morpheus_gae.kafka.keys import pair_keys, pair_partitions
from morpheus_gae.kafka.outbox import MESSAGE_BYTES
from morpheus_gae.kafka.sink import KafkaSink
from morpheus_gae.sinks.together import sent_of, together
from tests.flows import rows
from tests.incidents.test_encodings import changes, written

TABLE = rows.table(500).append_column("model", pa.array(["m@1"] * 500))


class Outbox:
    """Remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.flushed = 0
        topic = SimpleNamespace(partitions=dict.fromkeys(range(3)))
        self.producer = SimpleNamespace(
            list_topics=lambda name, timeout: SimpleNamespace(topics={name: topic})
        )

    def send(self, *message: Any) -> None:
        self.sent.append(message)

    def flush(self) -> None:
        self.flushed += 1


def other_way(table: pa.Table) -> pa.Table:
    names = {"IPV4_SRC_ADDR": "IPV4_DST_ADDR", "IPV4_DST_ADDR": "IPV4_SRC_ADDR"}
    return table.rename_columns([names.get(n, n) for n in table.column_names])


def test_a_pair_has_one_key_whoever_began() -> None:
    assert pair_keys(TABLE)[:2] == [b"10.0.0.0|2001:db8::", b"10.0.0.1|2001:db8::1"]
    assert pair_keys(other_way(TABLE)) == pair_keys(TABLE)
    to = pair_partitions(TABLE, 3)
    assert pair_partitions(other_way(TABLE), 3).tolist() == to.tolist()
    assert set(to.tolist()) == {0, 1, 2}


def test_json() -> None:
    outbox = Outbox()
    sink = KafkaSink(outbox, "alerts", encode=lambda table: table.select(["IN_BYTES"]))
    sink.add(TABLE)
    sink.add(TABLE.slice(0, 0))
    sink.flush()
    assert [json.loads(value) for _, value, _, _ in outbox.sent] == [{"IN_BYTES": i} for i in range(500)]
    assert [key for _, _, key, _ in outbox.sent] == pair_keys(TABLE)
    assert outbox.sent[0][3] == [("content-type", b"application/json"), ("model", b"m@1")]
    assert outbox.flushed == 1


@pytest.mark.parametrize("form", ["plain", "ecs", "ocsf", "eve"])
def test_incidents_are_keyed_by_their_id_in_any_form(form: str) -> None:
    found, outbox = changes(), Outbox()
    KafkaSink(outbox, "incidents", encode=sent_of, key="id").add(together(form)(found, "toy@1"))
    assert [json.loads(value) for _, value, _, _ in outbox.sent] == written(form, found)
    assert [key.decode() for _, _, key, _ in outbox.sent] == [change.incident.id for change in found]
    assert {tuple(headers) for *_, headers in outbox.sent} == {
        (("content-type", b"application/json"), ("model", b"toy@1"))
    }


def test_arrow() -> None:
    outbox = Outbox()
    wide = TABLE.append_column("text", pa.array([f"{i:x}" * 5000 for i in range(500)]))
    sink = KafkaSink(outbox, "alerts", "arrow")
    sink.add(wide)
    to = pair_partitions(TABLE, 3).tolist()
    found = []
    for _, value, key, headers, partition in outbox.sent:
        assert key is None
        assert headers[0] == ("content-type", b"application/vnd.apache.arrow.stream")
        assert len(value) <= MESSAGE_BYTES
        numbers = pa.ipc.open_stream(value).read_all()["IN_BYTES"].to_pylist()
        assert [to[i] for i in numbers] == [partition] * len(numbers)
        found += numbers
    assert sorted(found) == list(range(500))


@pytest.mark.parametrize("format", ["ndjson", "arrow"])
def test_an_alert_that_no_message_holds(format: str) -> None:
    noise = np.random.default_rng(1).integers(33, 127, 1_000_000, np.uint8).tobytes().decode()
    wide = TABLE.slice(0, 3)
    wide = wide.append_column("text", pa.array(["a", noise, "b"]).dictionary_encode())
    wide = wide.append_column("list", pa.array([[1], list(range(5000)), [2]]))
    outbox = Outbox()
    KafkaSink(outbox, "alerts", format).add(wide)
    sent = [value for _, value, *_ in outbox.sent]
    assert max(map(len, sent)) < MESSAGE_BYTES
    found: list[dict[str, Any]] = []
    for value in sent:
        found += (
            [json.loads(value)] if format == "ndjson" else pa.ipc.open_stream(value).read_all().to_pylist()
        )
    found.sort(key=lambda row: row["IN_BYTES"])
    assert [row["text"] for row in found] == ["a", noise[:1000], "b"]
    assert [row["list"] for row in found] == [[1], None, [2]]
    assert [row["model"] for row in found] == ["m@1"] * 3


def test_unknown_form() -> None:
    with pytest.raises(UsageError, match="choose ndjson, arrow"):
        KafkaSink(Outbox(), "alerts", "xml")
