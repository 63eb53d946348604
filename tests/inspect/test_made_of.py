from __future__ import annotations

import pytest

from morpheus_gae.flows import columns as c
from morpheus_gae.flows.trace import Derived, Way
from morpheus_gae.inspect.made_of import made_of


@pytest.mark.parametrize(
    ("derived", "text"),
    [
        (Derived(c.IN_BYTES, (Way("IN_BYTES"),)), "as it is"),
        (Derived(c.IN_BYTES, (Way("bytes"),)), "bytes"),
        (Derived(c.IN_BYTES, (Way("sent", "KiB"),)), "sent, KiB to B"),
        (Derived(c.IN_BYTES, (Way("bytes"),), rate=("sampling_rate",)), "bytes x sampling_rate"),
        (Derived(c.OUT_BYTES, (Way("total", minus=c.IN_BYTES),)), "total - IN_BYTES"),
        (Derived(c.OUT_BYTES, (Way("obyt"),), otherwise="0"), "obyt; else 0"),
        (Derived(c.OUT_BYTES, otherwise="0"), "always 0: no column tells it"),
        (Derived(c.OUT_PKTS), "no column tells it"),
        (
            Derived(c.DURATION, (Way("td", "s"), Way("te", "us", "ts", "us"))),
            "td, s to ms; else te - ts, us to ms",
        ),
        (Derived(c.DURATION, (Way("ms", "ms"),)), "ms, ms"),
        (Derived(c.DURATION, (Way("end", "s", "start", "text"),)), "end (s) - start (text)"),
        (Derived(c.FLOW_START, (Way("ts", "text with a zone"),)), "ts, text with a zone"),
        (Derived(c.PROTOCOL, (Way("proto", "name"),)), "proto, name to number"),
        (Derived(c.LABEL, (Way("Label"),), note="0 is benign"), "Label (0 is benign)"),
    ],
)
def test_words(derived: Derived, text: str) -> None:
    assert made_of(derived) == text


def test_of_a_partner() -> None:
    assert made_of(Derived(c.OUT_BYTES), c.IN_BYTES) == "IN_BYTES of the partner record; else 0"
    told = Derived(c.OUT_BYTES, (Way("obyt"),), otherwise="0")
    assert made_of(told, c.IN_BYTES) == "obyt; else IN_BYTES of the partner record; else 0"
