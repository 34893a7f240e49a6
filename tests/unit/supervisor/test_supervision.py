"""When the supervisor starts, kills and stops children."""

from __future__ import annotations

import random
import signal

import pytest

from congress_dist.processes.supervision import (
    FIRST_DELAY,
    MAX_DELAY,
    STABLE_TIME,
    START_TIME,
    STOP_TIME,
    ChildSpec,
    Effect,
    Phase,
    Report,
    Signal,
    Spawn,
    Supervision,
)

SILENCE = 6.0


class Driven:
    """A Supervision with a time of its own, checked after each stimulus."""

    def __init__(self, *specs: ChildSpec, silence: float = SILENCE) -> None:
        self.now = 100.0
        self.supervision = Supervision(specs or [ChildSpec("a", ["a"])], silence=silence)
        self.incarnations = 0
        self.effects: list[Effect] = []
        self.carry(self.supervision.on_start(self.now))

    def carry(self, effects: list[Effect]) -> list[Effect]:
        for effect in list(effects):
            if isinstance(effect, Spawn):
                self.incarnations += 1
                self.supervision.on_spawned(effect.name, f"i{self.incarnations}")
        self.supervision.check()
        acts: list[Effect] = [effect for effect in effects if not isinstance(effect, Report)]
        self.effects += acts
        return acts

    def beat(self, name: str = "a") -> None:
        self.carry(self.supervision.on_beat(name, self.now))

    def exit(self, name: str = "a", reason: str = "ended with status 1") -> list[Effect]:
        return self.carry(self.supervision.on_exit(name, reason, self.now))

    def stop(self) -> list[Effect]:
        return self.carry(self.supervision.on_stop(self.now))

    def wait(self, seconds: float, *, beating: bool = False) -> list[Effect]:
        """Let time pass in steps of at most a tick, as the shell does."""
        done: list[Effect] = []
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, max(self.supervision.next_tick(self.now), self.now + 0.01))
            for status in self.supervision.statuses() if beating else ():
                if status.phase in (Phase.STARTING, Phase.RUNNING):
                    self.beat(status.name)
            done += self.carry(self.supervision.on_tick(self.now))
        return done

    def phase(self, name: str = "a") -> Phase:
        return next(s.phase for s in self.supervision.statuses() if s.name == name)


def test_all_children_start_at_once() -> None:
    driven = Driven(ChildSpec("a", ["a"]), ChildSpec("b", ["b"]))

    assert driven.effects == [Spawn("a", None), Spawn("b", None)]


def test_a_dead_child_is_replaced_and_its_successor_knows_whom_it_replaces() -> None:
    driven = Driven()
    driven.beat()
    driven.exit()

    assert driven.phase() is Phase.WAITING
    assert driven.wait(FIRST_DELAY) == [Spawn("a", "i1")]
    driven.exit()
    assert driven.wait(2 * FIRST_DELAY) == [Spawn("a", "i2")]


def test_the_delay_doubles_up_to_its_limit() -> None:
    driven = Driven()
    delays = []
    for _ in range(9):
        before = driven.now
        driven.exit()
        while not driven.wait(0.5):
            pass
        delays.append(driven.now - before)

    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_the_delay_begins_anew_after_a_stable_minute() -> None:
    driven = Driven()
    for _ in range(8):
        driven.exit()
        driven.wait(MAX_DELAY)
    driven.wait(STABLE_TIME, beating=True)
    driven.exit()

    assert driven.wait(FIRST_DELAY) == [Spawn("a", "i9")]


def test_a_child_that_ends_well_is_restarted_too() -> None:
    driven = Driven()
    driven.exit(reason="ended with status 0")

    assert driven.wait(FIRST_DELAY) == [Spawn("a", "i1")]


def test_a_silent_child_is_killed_once_and_restarted() -> None:
    driven = Driven()
    driven.beat()

    assert driven.wait(SILENCE) == []
    assert driven.wait(1.0) == [Signal("a", signal.SIGKILL)]
    assert driven.wait(3.0) == []
    driven.exit(reason="killed by SIGKILL")
    assert driven.supervision.statuses()[0].reason == "was silent for more than 6 s"
    assert driven.wait(FIRST_DELAY) == [Spawn("a", "i1")]


def test_a_beating_child_is_left_alone() -> None:
    driven = Driven()

    assert driven.wait(1000.0, beating=True) == []
    assert driven.phase() is Phase.RUNNING


def test_silence_counts_only_after_the_first_beat() -> None:
    driven = Driven()

    assert driven.wait(START_TIME - 1.0) == []
    assert driven.wait(2.0) == [Signal("a", signal.SIGKILL)]


def test_a_pause_of_the_supervisor_kills_nobody() -> None:
    driven = Driven()
    driven.beat()
    driven.now += 3600.0

    assert driven.carry(driven.supervision.on_tick(driven.now)) == []
    assert driven.wait(SILENCE - 1.0) == []
    assert driven.wait(2.5) == [Signal("a", signal.SIGKILL)]


def test_a_short_silence_is_not_taken_for_a_pause_of_the_supervisor() -> None:
    driven = Driven(silence=2.0)
    driven.beat()

    assert driven.wait(4.0) == [Signal("a", signal.SIGKILL)]


def test_stopping_goes_group_by_group() -> None:
    driven = Driven(
        ChildSpec("engine", ["e"], 2),
        ChildSpec("one", ["d"], 1),
        ChildSpec("two", ["d"], 1),
        ChildSpec("api", ["a"], 0),
    )

    assert driven.stop() == [Signal("api", signal.SIGTERM)]
    assert driven.exit("api") == [
        Signal("one", signal.SIGTERM),
        Signal("two", signal.SIGTERM),
    ]
    assert driven.exit("two") == []
    assert driven.exit("one") == [Signal("engine", signal.SIGTERM)]
    assert not driven.supervision.is_done
    assert driven.exit("engine") == []
    assert driven.supervision.is_done


def test_who_does_not_stop_in_time_is_killed() -> None:
    driven = Driven(ChildSpec("api", ["a"], 0), ChildSpec("engine", ["e"], 1))
    driven.stop()

    assert driven.wait(STOP_TIME, beating=True) == [Signal("api", signal.SIGKILL)]
    assert driven.exit("api") == [Signal("engine", signal.SIGTERM)]


def test_stopping_is_asked_for_once_and_starts_nobody_again() -> None:
    driven = Driven(ChildSpec("a", ["a"], 0), ChildSpec("b", ["b"], 1))
    driven.exit("a")

    assert driven.stop() == [Signal("b", signal.SIGTERM)]
    assert driven.stop() == []
    driven.exit("b")
    assert driven.wait(60.0) == []
    assert driven.supervision.is_done


def test_a_child_that_dies_while_another_group_stops_stays_dead() -> None:
    driven = Driven(ChildSpec("a", ["a"], 0), ChildSpec("b", ["b"], 1))
    driven.stop()

    assert driven.exit("b") == []
    assert driven.exit("a") == []
    assert driven.supervision.is_done


@pytest.mark.parametrize("seed", range(50))
def test_whatever_happens_stopping_ends(seed: int) -> None:
    rng = random.Random(seed)
    driven = Driven(*(ChildSpec(f"c{i}", ["c"], rng.randrange(3)) for i in range(4)))

    def wait_and_die_of_sigkill(seconds: float) -> None:
        for effect in driven.wait(seconds):
            if isinstance(effect, Signal) and effect.number is signal.SIGKILL:
                driven.exit(effect.name)

    for _ in range(60):
        name = f"c{rng.randrange(4)}"
        lives = driven.phase(name) in (Phase.STARTING, Phase.RUNNING)
        match rng.randrange(4):
            case 0 if lives:
                driven.exit(name)
            case 1 if lives:
                driven.beat(name)
            case _:
                wait_and_die_of_sigkill(rng.choice([0.1, 1.0, 7.0, 40.0]))
    driven.stop()
    for _ in range(3):
        wait_and_die_of_sigkill(STOP_TIME + 1.0)
    assert driven.supervision.is_done, f"seed {seed}"
