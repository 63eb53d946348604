from __future__ import annotations

import numpy as np
import pytest

from morpheus_gae.simulate.network.roles import RULES, SHARES
from morpheus_gae.simulate.network.services import SERVICES, service_arrays


def test_rules_name_services_that_exist() -> None:
    assert {rule.service for rule in RULES} <= set(SERVICES)
    assert all(rule.periods or rule.per_day > 0 for rule in RULES)


@pytest.mark.parametrize("profile", SHARES)
def test_shares_of_roles(profile: str) -> None:
    assert sum(SHARES[profile].values()) == pytest.approx(1.0, abs=0.02)


def test_arrays_hold_the_table() -> None:
    arrays = service_arrays()
    assert arrays.kind.shape == (sum(len(s.kinds) for s in SERVICES.values()), 11)
    assert np.isfinite(arrays.kind).all()
    last = arrays.kind_cdf[arrays.kind_first[1:] - 1]
    assert last == pytest.approx(np.ones(len(SERVICES)))
    assert (last >= 1.0).all()  # the kernel looks no further
