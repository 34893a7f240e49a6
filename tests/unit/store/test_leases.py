from __future__ import annotations

from typing import Any

import pytest

from congress_dist.policy.store.leases import Claim, Lease, LeaseTable
from congress_dist.policy.store.rule_store import RuleStore


@pytest.fixture
def leases(store: RuleStore) -> LeaseTable:
    return store.leases


def test_first_claim_gets_generation_1(leases: LeaseTable) -> None:
    assert leases.acquire(Claim("nova", "a")) == (True, Lease("nova", "a", 1, 0))


def test_second_claimant_is_refused_and_told_the_owner(leases: LeaseTable) -> None:
    leases.acquire(Claim("nova", "a"))
    assert leases.acquire(Claim("nova", "b")) == (False, Lease("nova", "a", 1, 0))


def test_owner_that_asks_again_keeps_its_generation(leases: LeaseTable) -> None:
    leases.acquire(Claim("nova", "a"))
    leases.renew("nova", "a", 1)
    assert leases.acquire(Claim("nova", "a", heard_epoch=7)) == (True, Lease("nova", "a", 1, 1))


def test_successor_of_a_reaped_process_takes_over_at_once(leases: LeaseTable) -> None:
    leases.acquire(Claim("nova", "a"))
    assert leases.acquire(Claim("nova", "b", replaces="a")) == (True, Lease("nova", "b", 2, 0))


def test_successor_of_somebody_else_is_refused(leases: LeaseTable) -> None:
    leases.acquire(Claim("nova", "a"))
    assert leases.acquire(Claim("nova", "c", replaces="b"))[0] is False


def test_released_lease_is_free_and_its_generation_goes_on(leases: LeaseTable) -> None:
    leases.acquire(Claim("nova", "a"))
    assert leases.release("nova", "a", 1)
    assert leases.find("nova") == Lease("nova", None, 1, 0)
    assert leases.acquire(Claim("nova", "b")) == (True, Lease("nova", "b", 2, 0))


def test_candidate_that_saw_no_renewal_takes_over(leases: LeaseTable) -> None:
    leases.acquire(Claim("nova", "a"))
    leases.renew("nova", "a", 1)
    assert leases.acquire(Claim("nova", "b", expected=(1, 1))) == (True, Lease("nova", "b", 2, 0))


def test_candidate_is_refused_when_the_owner_renewed_meanwhile(leases: LeaseTable) -> None:
    leases.acquire(Claim("nova", "a"))
    leases.renew("nova", "a", 1)
    assert leases.acquire(Claim("nova", "b", expected=(1, 0)))[0] is False


def test_renewal_counts_also_after_a_long_silence(leases: LeaseTable) -> None:
    leases.acquire(Claim("nova", "a"))
    assert leases.renew("nova", "a", 1)
    assert leases.renew("nova", "a", 1)
    assert leases.find("nova") == Lease("nova", "a", 1, 2)


def test_former_owner_can_neither_renew_nor_release(leases: LeaseTable) -> None:
    leases.acquire(Claim("nova", "a"))
    leases.acquire(Claim("nova", "b", replaces="a"))
    assert not leases.renew("nova", "a", 1)
    assert not leases.release("nova", "a", 1)
    assert leases.find("nova") == Lease("nova", "b", 2, 0)


def test_former_generation_of_the_same_owner_cannot_renew(leases: LeaseTable) -> None:
    leases.acquire(Claim("nova", "a"))
    leases.release("nova", "a", 1)
    leases.acquire(Claim("nova", "a"))
    assert not leases.renew("nova", "a", 1)
    assert leases.renew("nova", "a", 2)


@pytest.mark.parametrize("known", [False, True])
def test_generation_is_above_every_epoch_heard(leases: LeaseTable, known: bool) -> None:
    if known:
        leases.acquire(Claim("nova", "a"))
        leases.release("nova", "a", 1)
    assert leases.acquire(Claim("nova", "b", heard_epoch=41))[1].generation == 42


def test_two_candidates_that_saw_the_same_get_one_lease(
    leases: LeaseTable, open_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases.acquire(Claim("nova", "a"))
    other: LeaseTable = open_store().leases
    find = leases.find

    def overtaken(name: str) -> Lease | None:
        seen = find(name)
        monkeypatch.setattr(leases, "find", find)
        assert other.acquire(Claim("nova", "c", expected=(1, 0)))[0]
        return seen

    monkeypatch.setattr(leases, "find", overtaken)
    granted, lease = leases.acquire(Claim("nova", "b", expected=(1, 0)))
    assert (granted, lease) == (False, Lease("nova", "c", 2, 0))


def test_two_first_claims_at_once_get_one_lease(
    leases: LeaseTable, open_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other: LeaseTable = open_store().leases
    find = leases.find

    def overtaken(name: str) -> Lease | None:
        seen = find(name)
        monkeypatch.setattr(leases, "find", find)
        assert other.acquire(Claim("nova", "c"))[0]
        return seen

    monkeypatch.setattr(leases, "find", overtaken)
    assert leases.acquire(Claim("nova", "b")) == (False, Lease("nova", "c", 1, 0))


def test_leases_are_listed_by_name(leases: LeaseTable) -> None:
    for name in ("nova", "cinder"):
        leases.acquire(Claim(name, "a"))
    assert [lease.name for lease in leases.list_all()] == ["cinder", "nova"]
