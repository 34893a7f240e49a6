"""The lease rows of the simulation answer as the policy service on its SQL store does."""

from __future__ import annotations

from typing import Any

import pytest

from congress_dist.clock import new_random
from congress_dist.policy.lease_requests import LeaseRequests
from congress_dist.policy.store.rule_store import RuleStore
from congress_dist.protocol.lease import ACQUIRE, RELEASE, RENEW
from congress_dist.testing.simulation.lease_database import LeaseDatabase


@pytest.mark.parametrize("seed", range(5))
def test_both_give_the_same_answers(store: RuleStore, seed: int) -> None:
    rng = new_random(seed)
    heard = {"a": 0, "b": 3, "c": 0}
    real = LeaseRequests(store.leases, lambda _name, owner: heard[owner])
    simulated = LeaseDatabase(lambda owner: heard[owner])
    for _ in range(60):
        owner = rng.choice("abc")
        arguments: dict[str, Any] = {"name": "nova", "owner": owner}
        method = rng.choice((ACQUIRE, ACQUIRE, RENEW, RELEASE))
        if method == ACQUIRE:
            arguments |= {
                "replaces": rng.choice((None, "a", "b")),
                "heard_epoch": rng.choice((0, 0, 9)),
                "expected": rng.choice((None, [rng.randint(1, 12), rng.randint(0, 2)])),
            }
        else:
            arguments["generation"] = rng.randint(1, 12)
        assert simulated.carry_out(method, arguments) == getattr(real, method)(**arguments)
