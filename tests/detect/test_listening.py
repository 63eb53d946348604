from __future__ import annotations

import json

from morpheus_gae.detect.listening import FLOWS, Listening


def until_over(listening: Listening, flows: int, hours: float, shares: list[float]) -> int:
    """Windows until alerts begin, of so many flows in so many hours each; 0 if they never do."""
    for i in range(1, 2000):
        share = shares[min(i - 1, len(shares) - 1)]
        if listening.hear(flows, int(flows * share), int(i * hours)):
            return i
    return 0


def test_alerts_begin_when_flows_were_enough_and_pairs_come_back() -> None:
    assert until_over(Listening(0.01), 10_000, 2, [0.0, 0.5, 0.8, 0.8, 0.85]) == FLOWS // 10_000


def test_they_do_not_as_long_as_fewer_and_fewer_pairs_are_new() -> None:
    shares = [1 - 0.6**i for i in range(14)]
    assert until_over(Listening(0.01), 10_000, 2, shares) > FLOWS // 10_000


def test_the_alert_rate_may_need_more_flows() -> None:
    listening = Listening(0.0001)
    assert listening.missing == 400_000
    assert until_over(listening, 10_000, 1, [0.8]) == 40


def test_a_quiet_network_is_listened_to_for_a_day() -> None:
    assert until_over(Listening(0.01), 1000, 1, [0.8]) in range(24, 40)


def test_a_fast_one_for_some_hours_however_many_flows_there_are() -> None:
    listening = Listening(0.01)
    # all of them within the first hour
    assert not any(listening.hear(100_000, 0, 5) for _ in range(50))
    assert listening.missing == 0
    assert listening.hear(100_000, 0, 8)
    assert not listening.hear(100_000, 0, 9), "it begins once"


def test_where_nothing_comes_back_it_ends_all_the_same() -> None:
    assert until_over(Listening(0.01), 10_000, 2, [0.0]) == 4 * FLOWS // 10_000


def test_what_is_saved_goes_on_alike() -> None:
    one, other = Listening(0.01), Listening(0.01)
    for i in range(7):
        one.hear(9000, 100 * i, 2 * i)
    other.restore(json.loads(json.dumps(one.facts())))
    assert other.facts() == one.facts()
    assert until_over(one, 9000, 2, [0.9]) == until_over(other, 9000, 2, [0.9])
