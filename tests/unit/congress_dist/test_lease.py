"""docs/protocol.md section 6, against a lease table in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from congress_dist.clock import new_random
from congress_dist.protocol.lease import (
    ACQUIRE,
    RELEASE,
    RENEW,
    Granted,
    LeaseCall,
    LeaseEffect,
    LeaseHolder,
    LeaseState,
    Lost,
)
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.stream import Epoch

OPTIONS = DseOptions()


@dataclass
class LeaseRow:
    """The row that the policy service keeps, and its three conditional updates."""

    owner: str | None = None
    generation: int = 0
    renewals: int = 0
    heard: int = 0
    """The newest epoch that the policy service heard from others."""

    def carry_out(self, call: LeaseCall) -> dict[str, Any]:
        given = call.arguments
        if call.method == ACQUIRE:
            expected = [self.generation, self.renewals]
            is_free = self.owner in (None, given["owner"], given["replaces"])
            granted = is_free or given["expected"] == expected
            if granted and self.owner != given["owner"]:
                self.owner = given["owner"]
                self.generation = max(self.generation, given["heard_epoch"], self.heard) + 1
                self.renewals = 0
            return {
                "granted": granted,
                "owner": self.owner,
                "generation": self.generation,
                "renewals": self.renewals,
                "heard": self.heard,
            }
        is_ours = (given["owner"], given["generation"]) == (self.owner, self.generation)
        if call.method == RENEW and is_ours:
            self.renewals += 1
        if call.method == RELEASE and is_ours:
            self.owner = None
        return {"granted": is_ours, "released": is_ours, "heard": self.heard}


class Desk:
    """Carries one holder's calls to the row, as long as `is_open`."""

    def __init__(
        self, row: LeaseRow, owner: str = "me", replaces: str | None = None, past: int = 0
    ) -> None:
        self.row = row
        self.now = 50.0
        self.is_open = True
        self.calls: list[LeaseCall] = []
        self.told: list[Granted | Lost] = []
        self.holder = LeaseHolder(
            "nova",
            owner,
            replaces=replaces,
            options=OPTIONS,
            rng=new_random(1),
            now=self.now,
            past=past,
        )

    def take(self, effects: list[LeaseEffect]) -> None:
        for effect in effects:
            if not isinstance(effect, LeaseCall):
                self.told.append(effect)
                continue
            self.calls.append(effect)
            if self.is_open:
                answer = self.row.carry_out(effect)
                self.take(
                    self.holder.on_answer(effect.method, answer, sent=self.now, now=self.now)
                )
            else:
                self.take(self.holder.on_failure(self.now))
        self.holder.check()

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.holder.next_tick <= end:
            self.now = max(self.now, self.holder.next_tick)
            self.take(self.holder.on_tick(self.now))
        self.now = end


def test_free_lease_is_granted_at_once() -> None:
    desk = Desk(LeaseRow())
    desk.run(0.0)
    assert desk.told == [Granted(1)]
    assert desk.holder.epoch == 1


def test_released_lease_is_granted_with_the_next_generation() -> None:
    desk = Desk(LeaseRow(generation=4))
    desk.run(0.0)
    assert desk.told == [Granted(5)]


def test_owner_renews_every_two_seconds() -> None:
    desk = Desk(LeaseRow())
    desk.run(9.0)
    assert desk.row.renewals == 4
    assert desk.holder.unrenewed(desk.now) == 0.0


def test_successor_named_by_the_supervisor_takes_over_at_once() -> None:
    desk = Desk(LeaseRow("dead", 3, 17), replaces="dead")
    desk.run(0.0)
    assert desk.told == [Granted(4)]


def test_candidate_waits_while_the_owner_renews() -> None:
    desk = Desk(LeaseRow("other", 3, 0))
    for _ in range(30):
        desk.run(1.9)
        desk.row.renewals += 1
    assert desk.told == []
    assert desk.row.owner == "other"


def test_candidate_takes_over_after_three_equal_reads_across_the_lease_time() -> None:
    desk = Desk(LeaseRow("other", 3, 8))
    desk.run(OPTIONS.lease_time - 0.1)
    assert desk.told == []
    assert len(desk.calls) == 3
    assert all(call.arguments["expected"] is None for call in desk.calls)
    desk.run(2.0)
    assert desk.calls[3].arguments["expected"] == [3, 8]
    assert desk.told == [Granted(4)]


def test_one_renewal_begins_the_watch_anew() -> None:
    desk = Desk(LeaseRow("other", 3, 8))
    desk.run(5.0)
    desk.row.renewals += 1
    desk.run(5.0)
    assert desk.told == []
    desk.run(4.0)
    assert desk.told == [Granted(4)]


def test_takeover_is_refused_when_the_owner_renewed_meanwhile() -> None:
    desk = Desk(LeaseRow("other", 3, 8))
    desk.run(5.9)
    desk.row.renewals += 1
    desk.run(0.2)
    assert desk.told == []


def test_lease_that_must_be_yielded_is_given_back_when_the_renewal_is_answered() -> None:
    holder = LeaseHolder("nova", "me", replaces=None, options=OPTIONS, rng=new_random(1), now=0.0)
    holder.on_tick(0.0)
    grant = {"granted": True, "generation": 5, "renewals": 0}
    assert holder.on_answer(ACQUIRE, grant, sent=0.0, now=0.01) == [Granted(Epoch(5))]
    (renewal,) = holder.on_tick(OPTIONS.lease_renewal + 0.01)
    assert isinstance(renewal, LeaseCall)
    now = OPTIONS.lease_renewal + 0.02
    (lost,) = holder.on_heard(6, "other", now)
    assert isinstance(lost, Lost)
    assert holder.on_tick(now) == []  # one call at a time
    holder.on_answer(RENEW, {"granted": True, "heard": 6}, sent=now, now=now + 0.01)
    (release,) = holder.on_tick(now + 0.01)
    assert isinstance(release, LeaseCall)
    assert release.method == RELEASE


def test_owner_that_cannot_renew_goes_on_and_says_so() -> None:
    desk = Desk(LeaseRow())
    desk.run(0.0)
    desk.is_open = False
    desk.run(30.0)
    assert desk.holder.epoch == 1
    assert desk.told == [Granted(1)]
    assert desk.holder.unrenewed(desk.now) == 30.0
    desk.is_open = True
    desk.run(3.0)
    assert desk.holder.unrenewed(desk.now) == 0.0


def test_refused_renewal_loses_the_lease_and_seeks_it_again() -> None:
    desk = Desk(LeaseRow())
    desk.run(0.0)
    desk.row.owner, desk.row.generation = "other", 2
    desk.run(2.0)
    assert isinstance(desk.told[1], Lost)
    assert desk.holder.epoch is None
    desk.row.owner = None
    desk.run(2.0)
    assert desk.told[2] == Granted(3)


def test_higher_epoch_heard_loses_the_lease() -> None:
    desk = Desk(LeaseRow())
    desk.run(0.0)
    desk.take(desk.holder.on_heard(2, "other", desk.now))
    assert isinstance(desk.told[1], Lost)


def test_own_heartbeats_and_lower_epochs_change_nothing() -> None:
    desk = Desk(LeaseRow(generation=6))
    desk.run(0.0)
    desk.take(desk.holder.on_heard(7, "me", desk.now))
    desk.take(desk.holder.on_heard(6, "other", desk.now))
    assert desk.told == [Granted(7)]


def test_restored_database_cannot_hand_out_an_old_epoch() -> None:
    desk = Desk(LeaseRow(generation=2))
    desk.holder.on_heard(9, "other", desk.now)
    desk.run(0.0)
    assert desk.told == [Granted(10)]


def test_grant_below_a_heard_epoch_is_given_back_for_a_higher_one() -> None:
    desk = Desk(LeaseRow("me", 2, 0))
    desk.holder.on_heard(9, "other", desk.now)
    desk.run(0.0)
    assert [call.method for call in desk.calls] == [ACQUIRE, RELEASE, ACQUIRE]
    assert desk.told == [Granted(10)]


def test_two_owners_of_one_epoch_part_by_new_epochs() -> None:
    desk = Desk(LeaseRow())
    desk.run(0.0)
    desk.take(desk.holder.on_heard(1, "twin", desk.now))
    desk.run(0.0)
    assert desk.told[-1] == Granted(2)


def test_absent_policy_service_is_asked_again_with_back_off() -> None:
    desk = Desk(LeaseRow())
    desk.is_open = False
    desk.run(20.0)
    assert 10 <= len(desk.calls) <= 60
    desk.is_open = True
    desk.run(2.0)
    assert desk.told == [Granted(1)]


def test_lost_answer_to_an_acquisition_does_no_harm() -> None:
    desk = Desk(LeaseRow())
    (call,) = desk.holder.on_tick(desk.now)
    assert isinstance(call, LeaseCall)
    desk.row.carry_out(call)  # granted, but the answer is lost
    desk.take(desk.holder.on_failure(desk.now))
    desk.run(1.0)
    assert desk.told == [Granted(1)]


def test_belief_counts_from_when_the_request_was_sent() -> None:
    desk = Desk(LeaseRow())
    (call,) = desk.holder.on_tick(desk.now)
    assert isinstance(call, LeaseCall)
    answer = desk.row.carry_out(call)
    sent, arrived = desk.now, desk.now + 5.0
    desk.holder.on_answer(call.method, answer, sent=sent, now=arrived)
    assert desk.holder.unrenewed(arrived) == 5.0


def test_one_call_is_out_at_a_time() -> None:
    desk = Desk(LeaseRow())
    desk.holder.on_tick(desk.now)
    assert desk.holder.on_tick(desk.now + 100.0) == []


def test_stop_releases_what_is_ours() -> None:
    desk = Desk(LeaseRow())
    desk.run(0.0)
    desk.take(desk.holder.stop())
    assert desk.row.owner is None
    assert desk.holder.state is LeaseState.STOPPED
    desk.run(100.0)
    assert desk.row.owner is None


def test_stop_of_a_candidate_releases_nothing() -> None:
    desk = Desk(LeaseRow("other", 3, 8))
    desk.run(0.0)
    assert desk.holder.stop() == []


def test_grant_that_arrives_after_the_stop_is_given_back() -> None:
    desk = Desk(LeaseRow())
    (call,) = desk.holder.on_tick(desk.now)
    assert isinstance(call, LeaseCall)
    answer = desk.row.carry_out(call)
    desk.take(desk.holder.stop())
    assert desk.row.owner == "me"
    desk.take(desk.holder.on_answer(call.method, answer, sent=desk.now, now=desk.now))
    assert desk.row.owner is None
    assert desk.told == []


def test_epoch_that_was_lost_is_not_begun_again() -> None:
    desk = Desk(LeaseRow())
    desk.run(0.0)
    desk.row.owner = "other"
    desk.run(2.0)
    desk.row.owner = "me"  # the database was restored to what it said before
    desk.run(6.0)
    assert [told.epoch for told in desk.told if isinstance(told, Granted)] == [1, 2]


def test_takeover_of_a_restored_row_asks_for_more_than_every_own_epoch() -> None:
    desk = Desk(LeaseRow(None, 6, 0))
    desk.run(0.0)
    desk.row.owner, desk.row.generation = None, 2  # an old backup; nobody hears the bus
    desk.run(6.0)
    assert [told.epoch for told in desk.told if isinstance(told, Granted)] == [7, 8]


def test_holder_after_another_of_the_same_process_begins_a_higher_epoch() -> None:
    row = LeaseRow("me", 5, 3)  # the former one's release is still on its way
    desk = Desk(row, past=5)
    desk.run(1.0)
    assert desk.told == [Granted(6)]


def test_epoch_that_the_policy_service_heard_from_another_is_left_for_a_higher_one() -> None:
    desk = Desk(LeaseRow())
    desk.run(0.0)
    desk.row.heard = 1
    desk.run(4.0)
    assert [type(told) for told in desk.told] == [Granted, Lost, Granted]
    assert desk.told[-1] == Granted(2)
