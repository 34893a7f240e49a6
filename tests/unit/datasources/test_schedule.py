"""The schedule decides when each poll is read."""

from __future__ import annotations

import random

import pytest

from congress_dist.datasources.driver import Poll
from congress_dist.datasources.schedule import (
    LONGEST_RETRY,
    ReadLate,
    Schedule,
    StartRead,
)

FAST = Poll("fast", ("a",), interval=2.0, timeout=30.0)
SLOW = Poll("slow", ("b",), interval=3600.0, timeout=600.0)
NO_JITTER = 0.5  # the middle of the drawn range


def schedule_of(*polls: Poll, draw: float = NO_JITTER) -> Schedule:
    return Schedule(polls, now=100.0, draw=lambda: draw)


def delay_after(schedule: Schedule, now: float, *, good: bool) -> float:
    """Let the read that runs since `now` end at once and give the time to the next one."""
    schedule.on_end("fast", now, good=good)
    schedule.check()
    wake = schedule.next_wake()
    assert wake is not None
    return wake - now


def test_the_first_round_starts_at_once() -> None:
    assert schedule_of(FAST, SLOW).on_tick(100.0) == [StartRead("fast"), StartRead("slow")]


def test_a_poll_is_read_again_an_interval_after_it_started() -> None:
    schedule = schedule_of(FAST)
    schedule.on_tick(100.0)
    schedule.on_end("fast", 100.5, good=True)
    assert schedule.next_wake() == 102.0
    assert schedule.on_tick(101.9) == []
    assert schedule.on_tick(102.0) == [StartRead("fast")]


def test_a_poll_is_not_started_while_it_is_read() -> None:
    schedule = schedule_of(FAST)
    schedule.on_tick(100.0)
    assert schedule.on_tick(110.0) == []


def test_a_slow_source_rests_between_reads() -> None:
    schedule = schedule_of(FAST)
    schedule.on_tick(100.0)
    schedule.on_end("fast", 120.0, good=True)
    assert schedule.next_wake() == 121.0


@pytest.mark.parametrize(("draw", "delay"), [(0.0, 1.8), (0.5, 2.0), (1.0, 2.2)])
def test_the_interval_varies_by_ten_percent(draw: float, delay: float) -> None:
    schedule = schedule_of(FAST, draw=draw)
    schedule.on_tick(100.0)
    assert delay_after(schedule, 100.0, good=True) == pytest.approx(delay)


def test_failures_double_the_delay_up_to_a_bound_and_success_resets_it() -> None:
    schedule = schedule_of(FAST)
    now, delays = 100.0, []
    for _ in range(7):
        schedule.on_tick(now)
        delays.append(delay_after(schedule, now, good=False))
        now += delays[-1]
    assert delays == pytest.approx([2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_RETRY, LONGEST_RETRY])
    schedule.on_tick(now)
    assert delay_after(schedule, now, good=True) == pytest.approx(2.0)


def test_a_long_poll_is_retried_soon_and_never_less_often_than_its_interval() -> None:
    schedule = schedule_of(SLOW)
    now, delays = 100.0, []
    for _ in range(40):
        schedule.on_tick(now)
        schedule.on_end("slow", now, good=False)
        delays.append((schedule.next_wake() or 0.0) - now)
        now += delays[-1]
    assert delays[:3] == pytest.approx([5.0, 10.0, 20.0])
    assert delays[-1] == pytest.approx(3600.0)


def test_a_read_that_outlives_its_timeout_is_told_once() -> None:
    schedule = schedule_of(FAST)
    schedule.on_tick(100.0)
    assert schedule.next_wake() == 130.0
    assert schedule.on_tick(130.0) == [ReadLate("fast", "read took longer than 30 s")]
    assert schedule.on_tick(131.0) == []
    assert schedule.statuses()["fast"].late_reads == 1
    schedule.check()


def test_no_second_read_starts_while_one_hangs() -> None:
    schedule = schedule_of(FAST)
    schedule.on_tick(100.0)
    schedule.on_tick(130.0)
    assert schedule.next_wake() is None
    assert schedule.on_refresh(["fast"], 500.0) == []
    assert schedule.on_tick(10_000.0) == []


def test_a_read_that_hung_and_ended_counts_as_a_failure() -> None:
    schedule = schedule_of(FAST)
    schedule.on_tick(100.0)
    schedule.on_tick(130.0)
    schedule.on_end("fast", 500.0, good=True)
    status = schedule.statuses()["fast"]
    assert (status.failures, status.reads, status.late) == (1, 1, False)
    assert schedule.next_wake() == 501.0


def test_one_poll_that_hangs_does_not_hold_up_another() -> None:
    schedule = schedule_of(FAST, SLOW)
    schedule.on_tick(100.0)
    schedule.on_end("fast", 100.0, good=True)
    assert schedule.on_tick(102.0) == [StartRead("fast")]


def test_refresh_reads_at_once_in_the_middle_of_a_back_off() -> None:
    schedule = schedule_of(SLOW)
    schedule.on_tick(100.0)
    schedule.on_end("slow", 101.0, good=False)
    assert schedule.on_refresh(["slow"], 102.0) == [StartRead("slow")]


def test_refresh_during_a_read_reads_once_more_after_it() -> None:
    schedule = schedule_of(SLOW)
    schedule.on_tick(100.0)
    assert schedule.on_refresh(["slow"], 101.0) == []
    assert schedule.on_refresh(["slow"], 102.0) == []
    assert schedule.on_end("slow", 103.0, good=True) == [StartRead("slow")]
    assert schedule.on_end("slow", 104.0, good=True) == []


@pytest.mark.parametrize("seed", range(20))
def test_reads_of_a_poll_never_overlap_and_always_come_back(seed: int) -> None:
    """Random stimuli: every poll is read by one read at a time, and again after each end."""
    chance = random.Random(seed)
    schedule = Schedule((FAST, SLOW), now=0.0, draw=chance.random)
    running: set[str] = set()
    now = 0.0
    starts = dict.fromkeys(("fast", "slow"), 0)
    for _ in range(300):
        now += chance.expovariate(1.0) * chance.choice([0.1, 10.0, 1000.0])
        effects = schedule.on_tick(now)
        if chance.random() < 0.1:
            effects += schedule.on_refresh([chance.choice(["fast", "slow"])], now)
        if running and chance.random() < 0.7:
            ended = chance.choice(sorted(running))
            running.remove(ended)
            effects += schedule.on_end(ended, now, good=chance.random() < 0.6)
        for effect in effects:
            if isinstance(effect, StartRead):
                assert effect.poll not in running
                running.add(effect.poll)
                starts[effect.poll] += 1
        schedule.check()
        wake = schedule.next_wake()
        assert (wake is None) == all(s.late for s in schedule.statuses().values())
    assert min(starts.values()) > 5, starts
