"""Calls that are stopped on their way: by a deadline, by another thread, by a signal."""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from congress_dist.errors import Cancelled, CongressError, DeadlineExceeded, InvalidRequest
from congress_dist.policy import Engine, within
from congress_dist.policy.kernel import Kernel

pytestmark = pytest.mark.usefixtures("_quiet_collector")

ROWS = 3_000
ENDLESS = "big(x, y, z) :- d:n(x), d:n(y), d:n(z), x < y, y < z, z < x"
"""Would join 27 billion times."""
MANY_ROUNDS = "walk(0)  walk(y) :- walk(x), y = x + 1, y < 1000000000"
"""Would take as many rounds, each of one row."""
SOON = 0.2
AGAIN = 5.0
PATIENCE = 60.0


def new_engine() -> Engine:
    engine = Engine(max_rows=2**40)
    engine.create_policy("p", "recursive")
    engine.set_schema("d", {"n": ["x"], "switch": ["x"]})
    engine.load("d", {"n": [(n,) for n in range(ROWS)], "switch": []})
    engine.insert("p", "small(x) :- d:n(x), x < 3")
    return engine


def state(engine: Engine) -> object:
    return (
        sorted(engine.rows("d", "n")),
        sorted(engine.rows("p", "small")),
        engine.policy_rules("p"),
        engine.tables("p"),
        engine.size("d", "switch"),
    )


def insert_endless(engine: Engine) -> None:
    engine.insert("p", ENDLESS)


def insert_many_rounds(engine: Engine) -> None:
    engine.insert("p", MANY_ROUNDS)


def ask(engine: Engine) -> None:
    engine.query("p", ENDLESS)


def ask_with_an_aggregate(engine: Engine) -> None:
    engine.query("p", ENDLESS.replace("big(x, y, z)", "big(count(x))"))


def ask_prepared(engine: Engine) -> None:
    engine.prepare("p", ENDLESS + ", x < ?")(10**6)


def ask_what_was_asked_before(engine: Engine) -> None:
    ask = engine.prepare("p", ENDLESS + ", x < ?")
    assert ask(-1) == []
    ask(10**6)


def load_endless_rows(engine: Engine) -> None:
    engine.load("d", {"n": ((n,) for n in itertools.count())})


def wait_in_a_trial(engine: Engine) -> None:
    with engine.trial():
        engine.insert("p", "one(1)")
        threading.Event().wait(600)


def try_in_a_simulation(engine: Engine) -> None:
    engine.simulate("p", "big(x, y, z)", "big+(x, y, z) :- " + ENDLESS.split(" :- ")[1])


def switch_on(engine: Engine) -> None:
    engine.apply("d", added={"switch": [(1,)]})


def with_a_switch(engine: Engine) -> None:
    engine.insert("p", ENDLESS + ", d:switch(_)")


CALLS = [
    insert_endless,
    insert_many_rounds,
    ask,
    ask_with_an_aggregate,
    ask_prepared,
    ask_what_was_asked_before,
    try_in_a_simulation,
]
Call = Callable[[Engine], None]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_past_its_deadline_changes_nothing(call: Call) -> None:
    engine = new_engine()
    before = state(engine)
    with within(SOON), pytest.raises(DeadlineExceeded, match="more time"):
        call(engine)
    assert state(engine) == before
    assert sorted(engine.query("p", "small(x)")) == [(0,), (1,), (2,)]


def test_the_rule_that_ran_at_the_deadline_is_named() -> None:
    engine = new_engine()
    with within(SOON), pytest.raises(DeadlineExceeded) as caught:
        insert_endless(engine)
    assert caught.value.fields["rule"] == ENDLESS
    assert ENDLESS in caught.value.message


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_search_the_rule_with_most_edges_is_named_at_the_deadline(order: int) -> None:
    engine = Engine(max_rows=2**40)
    engine.create_policy("p", "recursive")
    engine.load("d", {"l": [(n, n + 1) for n in range(20_000)], "s": [(1, 1)]})
    steps = ["r(x, z) :- r(x, y), d:s(y, z)", "r(x, z) :- r(x, y), d:l(y, z)"]
    with within(SOON), pytest.raises(DeadlineExceeded) as caught:
        engine.insert("p", " ".join(["r(x, y) :- d:l(x, y)", *steps[::order]]))
    assert caught.value.fields["rule"] == steps[1]


def test_data_that_take_too_long_park_no_rule() -> None:
    engine = new_engine()
    with_a_switch(engine)
    before = state(engine)
    with within(SOON), pytest.raises(DeadlineExceeded):
        switch_on(engine)
    assert state(engine) == before
    assert engine.missing("p", "big") == {}
    engine.delete("p", ENDLESS + ", d:switch(_)")
    switch_on(engine)
    assert engine.size("d", "switch") == 1


def test_the_nearer_of_two_deadlines_holds_and_ends_with_its_block() -> None:
    engine = new_engine()
    with within(3_600):
        with within(SOON), pytest.raises(DeadlineExceeded):
            ask(engine)
        engine.insert("p", "one(1)")
    with within(SOON), within(3_600), pytest.raises(DeadlineExceeded):
        ask(engine)
    assert engine.query("p", "one(x)") == [(1,)]


@pytest.mark.parametrize("seconds", [float("nan"), None, "5"])
def test_what_is_no_deadline_is_refused_and_an_outer_one_still_holds(seconds: Any) -> None:
    engine = new_engine()
    with within(SOON):
        with pytest.raises(InvalidRequest, match="a number of seconds from now"), within(seconds):
            pass
        with pytest.raises(DeadlineExceeded):
            engine.insert("p", ENDLESS)
    with within(10**400):
        assert len(engine.query("p", "small(x)")) == 3


def test_a_deadline_inside_of_a_trial_ends_what_is_tried() -> None:
    engine = new_engine()
    before = state(engine)
    with engine.trial():
        engine.insert("p", "one(1)")
        with within(SOON), pytest.raises(DeadlineExceeded):
            insert_endless(engine)
        assert engine.query("p", "one(x)") == [(1,)]
    assert state(engine) == before


def test_a_deadline_that_is_over_refuses_a_change() -> None:
    engine = new_engine()
    before = state(engine)
    with within(-1), pytest.raises(DeadlineExceeded):
        engine.insert("p", "one(1)")
    assert state(engine) == before


SHORT: list[Callable[[Engine], object]] = [
    lambda e: e.rows("p", "small"),
    lambda e: e.page("p", "small", limit=2),
    lambda e: e.size("p", "small"),
    lambda e: e.query("p", "small(x)"),
    lambda e: e.missing("p", "small"),
    lambda e: e.explain("p", "small", (1,)),
    lambda e: e.policy_rules("p"),
    lambda e: e.prepare("p", "small(?)"),
    lambda e: e.apply("d", added={"n": [(1,)]}),
    lambda e: e.insert("p", "one(1)"),
    lambda e: e.create_policy("q"),
]


@pytest.mark.parametrize("call", SHORT)
def test_a_deadline_that_is_over_refuses_a_call_however_short(
    call: Callable[[Engine], object],
) -> None:
    engine = new_engine()
    before = state(engine)
    for seconds in (0, -1):
        with within(seconds), pytest.raises(DeadlineExceeded, match="more time"):
            call(engine)
    assert state(engine) == before
    call(engine)


def test_a_deadline_that_is_over_refuses_a_prepared_question_and_what_is_inside_of_a_trial() -> (
    None
):
    engine = new_engine()
    asked = engine.prepare("p", "small(?)")
    for _ in range(4):
        assert asked(1) == [(1,)]
    with within(0), pytest.raises(DeadlineExceeded):
        asked(1)
    with within(0), pytest.raises(DeadlineExceeded), engine.trial():
        pass
    with engine.trial():
        with within(0), pytest.raises(DeadlineExceeded):
            engine.rows("p", "small")
        assert asked(2) == [(2,)]
    assert asked(1) == [(1,)]


@contextmanager
def under_way(engine: Engine, call: Call) -> Iterator[list[CongressError]]:
    """Have a call made in another thread, to whose end the block waits."""
    errors: list[CongressError] = []

    def make() -> None:
        try:
            call(engine)
        except CongressError as error:
            errors.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    try:
        yield errors
    finally:
        while thread.is_alive():
            engine.cancel()
            thread.join(0.01)


@pytest.mark.parametrize("call", CALLS)
def test_another_thread_cancels_a_call(call: Call) -> None:
    engine = new_engine()
    before = state(engine)
    with under_way(engine, call) as errors:
        pass
    assert [type(error) for error in errors] == [Cancelled]
    assert state(engine) == before


def test_cancelling_when_nothing_is_under_way_stops_nothing_later() -> None:
    engine = new_engine()
    engine.cancel()
    engine.insert("p", "one(1)")
    assert engine.query("p", "one(x)") == [(1,)]


def test_a_caller_waits_for_another_no_longer_than_its_deadline() -> None:
    engine = new_engine()
    asked = engine.prepare("p", "small(?)")
    entered = threading.Event()

    def stay(engine: Engine) -> None:
        with engine.trial():
            entered.set()
            insert_endless(engine)

    with under_way(engine, stay) as errors:
        assert entered.wait(60)
        for call in (insert_endless, lambda e: e.rows("p", "small"), lambda _: asked(1)):
            with within(SOON), pytest.raises(DeadlineExceeded):
                call(engine)
    assert [type(error) for error in errors] == [Cancelled]
    assert asked(1) == [(1,)]


# --- signals, which the main thread handles


def signalled(engine: Engine, call: Call, number: signal.Signals = signal.SIGINT) -> None:
    """Send a signal to the call, and again where Python itself swallowed it, as finalizers do."""
    is_over = threading.Event()

    def send() -> None:
        delay = SOON
        while not is_over.wait(delay):
            os.kill(os.getpid(), number)
            delay = AGAIN

    sender = threading.Thread(target=send)
    sender.start()
    try:
        call(engine)
    finally:
        is_over.set()
        sender.join()


def read_on_and_on(engine: Engine) -> None:
    while True:
        engine.rows("p", "small")


@pytest.mark.parametrize("call", [*CALLS, load_endless_rows, wait_in_a_trial])
def test_ctrl_c_ends_a_call_with_nothing_changed(call: Call) -> None:
    engine = new_engine()
    before = state(engine)
    with pytest.raises(KeyboardInterrupt):
        signalled(engine, call)
    assert state(engine) == before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    engine.insert("p", "one(1)")
    assert engine.query("p", "one(x)") == [(1,)]


def test_ctrl_c_ends_a_wait_for_another_thread() -> None:
    engine = new_engine()
    with under_way(engine, insert_endless), pytest.raises(KeyboardInterrupt):
        signalled(engine, read_on_and_on)


class Stop(Exception):
    pass


def test_the_handler_of_another_signal_may_end_a_call() -> None:
    engine = new_engine()
    before = state(engine)

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stop

    kept = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(Stop):
            signalled(engine, ask, signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, kept)
    assert state(engine) == before


def test_ctrl_c_at_any_moment_leaves_a_change_whole_or_not_made() -> None:
    """Presses it at random while rules, rows and schemas change, and compares with a model."""
    rng = random.Random(5)
    engine = new_engine()
    is_armed, is_over = False, threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_armed
        if is_armed:
            is_armed = False
            raise KeyboardInterrupt

    def press() -> None:
        while not is_over.wait(rng.random() * 0.004):
            os.kill(os.getpid(), signal.SIGINT)

    rule = "t(x) :- d:n(x), x > 2990, not d:switch(x)  u(x) :- t(x), not small(x)"
    changes: list[tuple[Call, Call]] = [
        (lambda e: e.insert("p", rule) and None, lambda e: e.delete("p", rule) and None),
        (switch_on, lambda e: e.apply("d", removed={"switch": [(1,)]}) and None),
        (
            lambda e: e.set_schema("other", {"a": ["x"], "b": ["y"]}) and None,
            lambda e: e.remove_source("other") and None,
        ),
        (lambda e: e.create_policy("q"), lambda e: e.delete_policy("q") and None),
    ]
    made = [False] * len(changes)
    interrupted = 0
    kept = signal.signal(signal.SIGINT, handle)
    thread = threading.Thread(target=press)
    thread.start()
    try:
        for _ in range(300):
            number = rng.randrange(len(changes))
            change = changes[number][made[number]]
            try:
                is_armed = True
                change(engine)
                is_armed = False
                made[number] = not made[number]
            except KeyboardInterrupt:
                interrupted += 1
                seen = whats_made(engine)
                made[number] = seen[number]
            assert whats_made(engine) == made
    finally:
        is_armed = False
        is_over.set()
        thread.join()
        signal.signal(signal.SIGINT, kept)
    assert interrupted > 0


def test_a_stop_at_any_look_leaves_nothing_to_the_next_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ends a change of rules at each of its looks in turn, and then makes it."""
    engine = new_engine()
    engine.insert("p", "a(x) :- small(x)  a(x) :- b(x), d:switch(x)  b(x) :- d:n(x), x = 7")
    look, left = Kernel.look, 0

    def count(kernel: Kernel) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        look(kernel)

    monkeypatch.setattr(Kernel, "look", count)
    for number in itertools.count(1):
        before = [*engine.rows("p", "a"), *engine.policy_rules("p")]
        left = number
        try:
            engine.insert("p", "b(x) :- a(x)  c(x) :- a(x), not b(x)")
        except KeyboardInterrupt:
            assert [*engine.rows("p", "a"), *engine.policy_rules("p")] == before
            engine.insert("p", "other(x) :- a(x)")
            assert engine.rows("p", "other") == engine.rows("p", "a")
            engine.delete("p", "other(x) :- a(x)")
        else:
            break
    assert number > 4
    assert sorted(engine.rows("p", "b")) == [(0,), (1,), (2,), (7,)]


def whats_made(engine: Engine) -> list[bool]:
    has_rules = bool(engine.rows("p", "t")) if engine.size("d", "switch") < 2 else False
    assert has_rules is bool(engine.rows("p", "u"))
    assert has_rules is (len(engine.policy_rules("p")) == 3)
    return [
        has_rules,
        engine.size("d", "switch") == 1,
        engine.kind("other") is not None,
        engine.kind("q") is not None,
    ]


@pytest.mark.parametrize("question", [ask, ask_with_an_aggregate, ask_prepared])
def test_what_stopped_names_the_query(question: Callable[[Engine], None]) -> None:
    engine = new_engine()
    with within(SOON), pytest.raises(DeadlineExceeded, match="while the query 'big") as stopped:
        question(engine)
    assert stopped.value.fields["query"].startswith("big(")


def interrupt_at(step: int) -> Callable[..., None]:
    """Press Ctrl-C when Python or the engine is called for the n-th time from now on."""
    steps = itertools.count()

    def profile(_frame: object, event: str, _argument: object) -> None:
        if event != "return" and next(steps) == step:
            signal.raise_signal(signal.SIGINT)

    return profile


def test_interrupt_at_any_step_of_a_trial_leaves_nothing_behind() -> None:
    engine = Engine()
    engine.create_policy("p")
    engine.insert("p", "two(2)")
    interrupted = 0
    with ThreadPoolExecutor(1) as others:
        for step in itertools.count():
            is_over = False
            sys.setprofile(interrupt_at(step))
            try:
                with engine.trial():
                    engine.insert("p", "one(1)")
                sys.setprofile(None)
                is_over = True
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                sys.setprofile(None)
            tables = others.submit(engine.tables, "p").result(PATIENCE)
            assert tables == ["two"], step
            if is_over:
                break
    assert interrupted > 50
