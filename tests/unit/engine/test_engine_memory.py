"""What a lack of memory leaves behind, wherever it comes: an error, and nothing else.

Each test runs in a process of its own, whose memory is short for the time of a call.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

SHORT = """
import gc, resource, sys
from array import array
from congress_dist.policy import Engine

HARD = resource.getrlimit(resource.RLIMIT_AS)[1]

def given(extra, call):
    '''Call with so many bytes more than there are, and give the name of what was raised.'''
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra, HARD))
    try:
        call()
        return "ok"
    except BaseException as error:
        return type(error).__name__
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (HARD, HARD))
"""

LINKS = 300
ENGINE = f"""
engine = Engine(max_rows=20_000_000)
engine.create_policy("p", kind="recursive")
engine.set_schema("d", {{"link": ["x", "y"], "s": ["x", "y"]}})
pairs = [(n % 100, n) for n in range(6_000)]
engine.load("d", {{"link": [(n, n + 1) for n in range({LINKS})], "s": pairs}})
engine.insert("p", "r(x, y) :- d:link(x, y)  r(x, z) :- r(x, y), d:link(y, z)"
                   "  c(x, count(y)) :- d:s(x, y)")
asked = engine.prepare("p", "ans(x, y, z) :- d:s(x, y), d:s(x, z), x < ?")
asked(0)
texts = [(f"text {{n}}", n) for n in range(60_000)]
numbers = {{"x": array("q", range(200_000)), "y": array("q", range(200_000))}}

def tried():
    with engine.trial():
        engine.load("d", {{"s": texts[:20_000]}})

CALLS = {{
    "load": lambda: engine.load("d", {{"s": texts}}),
    "load columns": lambda: engine.load("d", {{"s": numbers}}),
    "change": lambda: engine.apply("d", None, {{"link": [(150, 151)]}}),
    "rules": lambda: engine.insert("p", "w(x, z) :- r(x, y), d:s(y, z)"),
    "closure": lambda: engine.insert("p", "v(x, y) :- d:link(x, y)  v(x, z) :- v(x, y), v(y, z)"),
    "query": lambda: len(engine.query("p", "ans(x, y, z) :- d:s(x, y), d:s(x, z)")),
    "prepared": lambda: len(asked(1_000)),
    "trial": tried,
}}

def state():
    sizes = [engine.size("d", "s"), engine.size("d", "link"), engine.size("p", "r")]
    return sizes, engine.policy_rules("p"), sorted(engine.rows("p", "c")), engine.tables("p")

call = CALLS[sys.argv[1]]
before = state()
for extra in [0, 20_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 3_000_000, 6_000_000]:
    with_this = given(extra, call)
    gc.collect()
    print(with_this)
    if with_this == "ok":
        break  # it may have changed what it was to change
    assert state() == before, extra
given(10**9, call)
engine.apply("d", {{"link": [({LINKS}, 0)]}})
engine.load("d", {{"s": pairs}})
nodes = {LINKS} + 1  # in a circle now, or in a chain if one link is gone
whole = nodes**2 if engine.size("d", "link") == nodes else nodes * (nodes - 1) // 2
assert engine.size("p", "r") == whole, engine.size("p", "r")
assert sorted(engine.rows("p", "c")) == before[2]
"""


def run_short_of_memory(script: str, *arguments: str) -> Counter[str]:
    """Run a script in a process of its own; give the lines that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", SHORT + script, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return Counter(done.stdout.split())


@pytest.mark.parametrize(
    "call",
    [
        "load",
        "load columns",
        "change",
        "rules",
        "closure",
        "query",
        "prepared",
        "trial",
    ],
)
def test_a_call_without_memory_says_so_and_changes_nothing(call: str) -> None:
    outcomes = run_short_of_memory(ENGINE, call)
    assert outcomes.keys() <= {"MemoryError", "ok"}
    assert outcomes["MemoryError"]


DROPPED = """
n = 1_000_000
engine = Engine()
engine.create_policy("p")
engine.insert("p", "q(x, y) :- d:a(x, y)")
engine.set_schema("d", {"a": ["x", "y"]})
changes = engine.load("d", {"a": {"x": array("q", range(n)), "y": array("q", range(n))}})
assert len(changes["p", "q"][0]) == n
print(given(100_000, changes.clear))
assert engine.size("p", "q") == n
"""


def test_changes_go_when_there_is_no_memory() -> None:
    assert run_short_of_memory(DROPPED) == {"ok": 1}


INSERTED = """
for extra in [0, 20_000, 100_000, 200_000, 500_000, 1_000_000, 3_000_000] * 4:
    engine = Engine(max_rows=20_000_000)
    engine.create_policy("p", kind="recursive")
    engine.load("d", {"l": [(n, n + 1) for n in range(700)]})
    rules = "r(x, y) :- d:l(x, y)  r(x, z) :- r(x, y), d:l(y, z)"
    print(given(extra, lambda: engine.insert("p", rules)))
"""


def test_what_is_told_of_a_change_goes_with_the_change() -> None:
    outcomes = run_short_of_memory(INSERTED)
    assert outcomes.keys() == {"MemoryError"} or outcomes.keys() == {"MemoryError", "ok"}
