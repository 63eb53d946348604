from __future__ import annotations

import numpy as np
import pytest

from morpheus_gae.errors import InputError
from morpheus_gae.evaluate.data.campaigns import campaigns
from morpheus_gae.evaluate.data.dirty import dirty
from morpheus_gae.evaluate.labels import labels_of
from morpheus_gae.flows.frame import Flows
from tests.evaluate.make import HOUR, benign_flows, campaign_flows, timed_benign


def attack_of(flows: Flows) -> np.ndarray:
    return labels_of(flows.table).attack


def note(flows: Flows) -> list[str]:
    return flows.table["note"].to_pylist()


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_whole_campaigns_and_nothing_shared(timed: bool, seed: int) -> None:
    benign = timed_benign(2000, 300.0)
    attacks = campaign_flows(attackers=8, each=3, size=20, first_row=5000)
    found = dirty(benign, attacks, 0.05, seed, timed=timed)
    hit = attack_of(found.train)
    hidden = set(np.array(note(found.train))[hit])
    number = campaigns(attacks, labels_of(attacks.table).kind, timed=timed)
    campaign = dict(zip(note(attacks), number.tolist(), strict=True))
    for c in {campaign[n] for n in hidden}:
        assert {n for n in campaign if campaign[n] == c} <= hidden
    # 5 % are 105 flows; campaigns have 20, or as runs 50 and 10
    assert found.facts["hidden_flows"] == hit.sum() == (100 if timed else sum(hit))
    assert 80 <= hit.sum() <= 105
    assert found.facts["hidden_share"] == pytest.approx(hit.mean())
    assert found.facts["hidden_campaigns"] == len({campaign[n] for n in hidden})
    assert sum(found.facts["hidden_classes"].values()) == hit.sum()
    # nobody who is hidden is tested as another
    inside = found.train.take(hit)
    assert not set(inside.src_lo.tolist()) & set(found.others.src_lo.tolist())
    assert len(found.others) > 100
    # the same attackers, other flows
    assert set(found.same.src_lo.tolist()) - set(found.others.src_lo.tolist())
    assert not hidden & set(note(found.same))
    assert len(found.same)
    # the benign flows are all there, in order
    assert np.array(note(found.train))[~hit].tolist() == note(benign)


def test_campaigns_come_at_their_own_time_inside_of_the_training_time() -> None:
    benign = timed_benign(2000, 300.0)
    attacks = campaign_flows(attackers=8, each=3, size=20, first_row=5000)
    found = dirty(benign, attacks, 0.1, 0, timed=True)
    times = found.train.time_ms
    assert times is not None
    assert (np.diff(times) >= 0).all()
    hit = attack_of(found.train)
    assert times[hit].max() <= benign.time_ms.max()
    for name in set(np.array(note(found.train))[hit]):
        at = note(attacks).index(name)
        began = int(attacks.time_ms[at])
        now = int(times[note(found.train).index(name)])
        # those of the first 300 hours as recorded, the others moved as a whole
        assert now == began or began >= 290 * HOUR


def test_runs_where_there_are_no_times() -> None:
    benign = benign_flows(2000)
    attacks = campaign_flows(attackers=8, each=3, size=20, timed=False)
    found = dirty(benign, attacks, 0.05, 0, timed=False)
    hit = attack_of(found.train)
    begins = np.flatnonzero(np.diff(np.concatenate([[0], hit.astype(int), [0]])))
    # two runs may meet, none is torn: they have 50 and 10 flows
    assert ((begins[1::2] - begins[::2]) % 10 == 0).all()
    assert begins.size // 2 <= found.facts["hidden_campaigns"]
    assert found.train.rows.tolist() == list(range(2000 + hit.sum()))


def test_what_is_tested_does_not_depend_on_the_dirt() -> None:
    benign, attacks = timed_benign(2000, 300.0), campaign_flows(attackers=8)
    none, little, much = (dirty(benign, attacks, share, 3, timed=True) for share in (0.0, 0.01, 0.3))
    assert note(none.others) == note(little.others) == note(much.others)
    assert none.facts["hidden_flows"] == 0
    assert note(none.train) == note(benign)
    # all of one side, and no more than that
    assert much.facts["hidden_flows"] == len(none.same)
    assert len(much.same) == 0


def test_one_attacker_is_never_another() -> None:
    found = dirty(timed_benign(2000, 300.0), campaign_flows(attackers=1), 0.01, 0, timed=True)
    assert len(found.others) == 0
    assert len(found.same) == 40
    with pytest.raises(InputError, match="the set has none"):
        dirty(benign_flows(10), campaign_flows().slice(0, 0), 0.01, 0, timed=False)
