"""Several threads in one engine: they wait for each other, and see whole changes."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from functools import partial

import pytest

from congress_dist.errors import Cancelled, InvalidRequest
from congress_dist.policy import Engine

TIMES = 200
ROWS = 400


def new_engine() -> Engine:
    engine = Engine()
    engine.create_policy("p", "recursive")
    engine.load("d", {"t": [(n, 0) for n in range(ROWS)]})
    engine.insert("p", "same(v) :- d:t(_, v)  both(x, y) :- d:t(x, v), d:t(y, v), x < y, y < 9")
    return engine


def run_together(*jobs: Callable[[], None]) -> None:
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in as_completed([pool.submit(job) for job in jobs]):
            done.result(timeout=60)


def test_readers_see_each_change_as_a_whole() -> None:
    engine = new_engine()
    asked = engine.prepare("p", "d:t(?, v)")
    is_over = threading.Event()

    def change() -> None:
        try:
            for value in range(TIMES // 4):
                engine.load("d", {"t": [(n, value) for n in range(ROWS)]})
        finally:
            is_over.set()

    def read() -> None:
        before = 0
        while not is_over.is_set():
            ((value,),) = engine.rows("p", "same")
            assert value >= before
            before = value
            assert len({row[1] for row in engine.query("p", "d:t(x, v)")}) == 1
            assert engine.size("p", "both") == 36

    def look_up() -> None:
        before = 0
        while not is_over.is_set():
            for key in (1, 2, 1, ROWS - 1):
                ((_, value),) = asked(key)
                assert value >= before
                before = value

    run_together(change, read, look_up, look_up)


def test_changes_of_several_threads_are_all_made() -> None:
    engine = new_engine()

    def change(name: str) -> None:
        for number in range(TIMES // 4):
            engine.insert("p", f"made('{name}', {number})")
            engine.apply("d", added={"t": [(number, name)]})
            with engine.trial():
                engine.delete_policy("p")

    run_together(*(lambda name=name: change(name) for name in "abc"))
    assert engine.size("p", "made") == 3 * (TIMES // 4)
    assert engine.size("d", "t") == ROWS + 3 * (TIMES // 4)


def test_an_engine_and_its_prepared_queries_go_while_others_ask() -> None:
    engines = [new_engine()]
    asked = [engines[0].prepare("p", "d:t(?, v)")]

    def ask() -> None:
        for number in range(TIMES):
            held = asked[0]
            assert held(number)[0][0] == number
            del held

    def replace() -> None:
        for _ in range(10):
            engines[0] = new_engine()
            asked[0] = engines[0].prepare("p", "d:t(?, v)")
            gc.collect()

    run_together(ask, replace, ask)


def test_a_thread_that_waits_gets_in_when_a_call_raises() -> None:
    engine = new_engine()

    def fail() -> None:
        for _ in range(TIMES):
            with pytest.raises(InvalidRequest):
                engine.prepare("p", "d:t(?, v)")()

    def succeed() -> None:
        for _ in range(TIMES):
            assert engine.query("p", "same(v)") == [(0,)]

    run_together(fail, succeed, fail)


def test_an_engine_goes_with_its_last_question_under_way() -> None:
    engines = [new_engine()]
    with ThreadPoolExecutor(1) as pool:
        ask = partial(engines[0].query, "p", "ans(x, y) :- d:t(x, v), d:t(y, v), x < y")
        answer = pool.submit(ask)
        del ask
        engines[0] = new_engine()
        gc.collect()
        assert engines[0].size("p", "both") == 36
        assert len(answer.result(timeout=60)) == ROWS * (ROWS - 1) // 2


def test_calls_that_a_third_thread_cancels_are_whole_or_not_made() -> None:
    engine = new_engine()
    is_over = threading.Event()

    def change() -> None:
        try:
            for value in range(TIMES // 4):
                with suppress(Cancelled):
                    engine.load("d", {"t": [(n, value) for n in range(ROWS)]})
        finally:
            is_over.set()

    def read() -> None:
        while not is_over.is_set():
            with suppress(Cancelled):
                assert len({row[1] for row in engine.query("p", "d:t(x, v)")}) == 1

    def cancel() -> None:
        while not is_over.wait(0.001):
            engine.cancel()

    run_together(change, read, cancel)
    ((value,),) = engine.rows("p", "same")
    assert sorted(engine.rows("d", "t")) == [(n, value) for n in range(ROWS)]
