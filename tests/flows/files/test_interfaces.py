from __future__ import annotations

from morpheus_gae.flows.files.interfaces import Switch, is_interface


def test_names() -> None:
    assert is_interface("interface:eth0")
    assert not is_interface("eth0.pcap")


def test_what_runs_is_ended() -> None:
    calls: list[str] = []
    switch = Switch(lambda: calls.append("also"))
    with switch.ending(lambda: calls.append("capture")):
        assert calls == []
        switch.stop()
        assert calls == ["also", "capture"]
    switch.stop()
    assert calls == ["also", "capture", "also"]


def test_what_begins_later_is_ended_at_once() -> None:
    calls: list[str] = []
    switch = Switch()
    switch.stop()
    with switch.ending(lambda: calls.append("capture")):
        assert calls == ["capture"]
    assert switch.off
