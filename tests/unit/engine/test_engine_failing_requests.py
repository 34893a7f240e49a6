"""Whichever of a question's requests for memory fails: an error, and an engine that goes on."""

from __future__ import annotations

import pytest

from .test_engine_memory import run_short_of_memory

pytest.importorskip("_testcapi")  # of CPython's own tests; some distributions leave it out

FAILING = """
import threading
import _testcapi
from congress_dist.policy import Engine, within

engine = Engine()
engine.create_policy("p", kind="recursive")
engine.set_schema("d", {"link": ["x", "y"], "s": ["x", "y"]})
links = [(n, n + 1) for n in range(300, 312)]  # beyond the numbers that Python keeps
engine.load("d", {"link": links, "s": [(n % 10, f"t{n}") for n in range(60)]})
engine.insert(
    "p",
    "r(x, y) :- d:link(x, y)  r(x, z) :- r(x, y), d:link(y, z)  c(x, count(y)) :- d:s(x, y) "
    "q(x, z) :- r(x, y), plus(y, 1, z), not d:link(x, z)  error(x) :- c(x, n), n > 5",
)
asked = engine.prepare("p", "ans(x, y, z) :- d:s(x, y), d:s(x, z), x < ?")
found = engine.prepare("p", "r(?, y)")

CALLS = {
    "explain": lambda: engine.explain("p", "r", (300, 305)),
    "prepared": lambda: asked(9),
    "found": lambda: found(303),
    "page": lambda: engine.page("p", "r", 10, (301, 304)),
    "rows": lambda: engine.rows("p", "r"),
    "size": lambda: engine.size("p", "r"),
}
call = CALLS[sys.argv[1]]
right = repr(call())

def state():
    return [sorted(engine.rows("p", table)) for table in ("r", "c", "q")], engine.rows("d", "link")

def answered_to_others():
    told = []
    def ask():
        with within(20):
            told.append(engine.size("p", "r"))
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return told == [len(before[0][0])]

def outcome(first, end):
    '''Call with those requests failing, and give the name of what was raised.'''
    _testcapi.set_nomemory(first, end)
    try:
        answer = call()
    except BaseException as error:
        _testcapi.remove_mem_hooks()
        return type(error).__name__
    _testcapi.remove_mem_hooks()
    assert repr(answer) == right
    return "ok"

before = state()
gc.disable()
number = fine = 0
while fine < 30:
    number += 1
    with_this = outcome(number, number + 1)
    fine = fine + 1 if with_this == "ok" else 0
    print(with_this)
assert state() == before
assert answered_to_others()
"""


@pytest.mark.parametrize(
    "call",
    [
        "explain",
        "prepared",
        "found",
        "page",
        "rows",
        "size",
    ],
)
def test_any_request_that_fails_is_told_as_such(call: str) -> None:
    outcomes = run_short_of_memory(FAILING, call)
    assert outcomes.keys() <= {"MemoryError", "ok"}
    assert outcomes["MemoryError"]


CHANGING = """
import _testcapi
from congress_dist.errors import InternalError
from congress_dist.policy import Engine

def make():
    engine = Engine()
    engine.create_policy("p", kind="recursive")
    engine.set_schema("d", {"s": ["x", "y"]})
    engine.load("d", {"s": [(n % 10, f"t{n}") for n in range(30)]})
    engine.insert("p", "few(x) :- d:s(x, y), x < 3  c(x, count(y)) :- d:s(x, y)")
    return engine

CALLS = {
    "explain": lambda: engine.explain("p", "c", (1, 3)),
    "why not": lambda: engine.why_not("p", "few", (7,)),
    "query": lambda: engine.query("p", "ans(x) :- few(x), c(x, n)"),
    "impact": lambda: engine.impact([RuleOperation("insert", "p", "error(x) :- few(x)")]),
    "simulate": lambda: engine.simulate("p", "few(x)", "few+(100)"),
    "insert": lambda: engine.insert("p", "many(x) :- c(x, n), not few(x)"),
    "delete": lambda: engine.delete("p", "few(x) :- d:s(x, y), x < 3"),
    "apply": lambda: engine.apply("d", added={"s": [(1, "\\u00e9")]}, removed={"s": [(1, "t1")]}),
    "load": lambda: engine.load("d", {"s": [(n, f"u{n}") for n in range(30)]}),
}

def state():
    rows = [sorted(engine.rows("p", table)) for table in ("few", "c")]
    return rows, sorted(map(repr, engine.policy_rules("p"))), sorted(engine.rows("d", "s"))

from congress_dist.policy.impact import RuleOperation
call = CALLS[sys.argv[1]]
engine = make()
before = state()
gc.disable()
number = fine = 0
while fine < 30:
    number += 11
    _testcapi.set_nomemory(number, number + 1)
    try:
        call()
        outcome = "ok"
    except BaseException as error:
        _testcapi.remove_mem_hooks()
        outcome = type(error).__name__
    _testcapi.remove_mem_hooks()
    fine = fine + 1 if outcome == "ok" else 0
    if outcome == "ok":
        engine = make()
    else:
        try:
            assert state() == before
        except InternalError as error:
            assert "make a new one" in str(error)
            outcome = "refuses"
            engine = make()
    print(outcome)
"""


@pytest.mark.parametrize(
    "call",
    ["explain", "why not", "query", "impact", "simulate", "insert", "delete", "apply", "load"],
)
def test_an_engine_is_as_before_or_says_that_nobody_knows(call: str) -> None:
    """CPython 3.11 itself gives a SystemError where a call's frame finds no memory."""
    outcomes = run_short_of_memory(CHANGING, call)
    assert outcomes.keys() <= {"MemoryError", "SystemError", "refuses", "ok"}
    assert outcomes["MemoryError"] > 5 * outcomes["refuses"]
