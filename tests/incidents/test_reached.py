"""Hosts that incidents reached: the latest stay, in segments that tell what changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morpheus_gae.incidents import reached as module
from morpheus_gae.incidents.anchors import Anchor
from morpheus_gae.incidents.reached import Host, Reached

HOSTS = [(f"10.0.0.{i}", 6, 445) for i in range(12)]
ANCHORS = [Anchor("source", f"10.1.0.{i}", "", 6, 445) for i in range(3)]

steps = st.lists(
    st.tuples(st.just("put"), st.sampled_from(HOSTS), st.sampled_from(ANCHORS))
    | st.tuples(st.just("forget"), st.sampled_from(ANCHORS)),
    max_size=60,
)


@given(steps, st.integers(1, 4), st.integers(1, 8))
def test_as_a_dict_in_order_and_segments_tell_what_changed(
    given_steps: list[tuple[object, ...]], segment: int, most: int
) -> None:
    plain: dict[Host, Anchor] = {}
    found = Reached()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SEGMENT", segment)
        patch.setattr(module, "MOST_REACHED", most)
        for name, *told in given_steps:
            before = {number: dict(hosts) for number, hosts in found.segments.items()}
            found.changed.clear()
            if name == "put":
                host, anchor = told
                found.put(host, anchor)  # type: ignore[arg-type]
                found.trim()
                plain.pop(host, None)  # type: ignore[call-overload]
                plain[host] = anchor  # type: ignore[index, assignment]
                for late in list(plain)[: max(0, len(plain) - most)]:
                    del plain[late]
            else:
                found.forget({told[0]})  # type: ignore[arg-type]
                plain = {host: anchor for host, anchor in plain.items() if anchor != told[0]}
            assert list(found) == list(plain.items())
            assert len(found) == len(plain)
            assert [found.get(host) for host in HOSTS] == [plain.get(host) for host in HOSTS]
            assert all(1 <= len(hosts) <= segment for hosts in found.segments.values())
            assert list(found.segments) == sorted(found.segments)
            after = {number: dict(hosts) for number, hosts in found.segments.items()}
            differ = {n for n in before.keys() | after.keys() if before.get(n) != after.get(n)}
            assert differ <= found.changed
