"""Hints for slips of the pen: what is meant is found, and looking for it has an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from congress_dist.policy.language.checks import check
from congress_dist.policy.language.checks.hints import Hints, did_you_mean
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.planner.program import Program


def test_the_closest_names_come_first() -> None:
    names = ["servers", "server", "ports"]
    assert Hints().closest("serverz", names, "tables") == ["server", "servers"]
    assert Hints().closest("xyzzy", names, "tables") == []


def test_what_was_meant_is_told() -> None:
    assert did_you_mean(["a", "b"]) == "did you mean 'a' or 'b'?"
    assert did_you_mean([]) == ""


def test_a_name_is_looked_for_once_and_many_are_not() -> None:
    looked_at = 0

    def names() -> Iterator[str]:
        nonlocal looked_at
        for number in range(10_000):
            looked_at += 1
            yield f"name{number}"

    hints = Hints()
    first = hints.closest("nam0", names(), "names")
    for number in range(5_000):
        hints.closest(f"nam{number}", names(), "names")
    assert hints.closest("nam0", [], "names") == first
    assert first
    assert looked_at == 10_000


def test_the_order_of_many_names_says_nothing() -> None:
    names = [f"name{number}" for number in range(1_000)]
    first, again = (Hints().closest("name50o", given, "n") for given in (names, names[::-1]))
    assert first == again
    assert first[0] == "name50"


def test_nothing_is_looked_for_that_nobody_types() -> None:
    assert Hints().closest("a" * 1_000, ["a" * 999], "names") == []


def columns(names: str, count: int) -> str:
    return ", ".join(f"{names}{number}" for number in range(count))


HOSTILE: dict[str, Callable[[int], str]] = {
    "singletons": lambda size: f"p(x) :- q(x), r({columns('some', size)})",
    "unbound": lambda size: f"p({columns('abcde', size)}) :- q({columns('abcdf', size)})",
    "placeholders": lambda size: (
        '@message("' + "".join(f"{{abc{n}}}" for n in range(size)) + '")'
        f"p({columns('abd', size)}) :- q({columns('abd', size)})"
    ),
    "columns": lambda size: (
        f"p({columns('abd', 900)}) :- q({columns('abd', 900)})\n"
        + "\n".join(f"q{n}(x) :- p(abe{n}=x)" for n in range(size))
    ),
    "builtins": lambda size: "\n".join(f"p(x) :- builtin:pl{n}(x, y)" for n in range(size)),
    "annotations": lambda size: "\n".join(f'@titel{n}("x") p(x) :- q(x)' for n in range(size)),
}


def seconds_to_check(text: str) -> float:
    program = Program()
    program.create_policy("p", "nonrecursive")
    rules = [("p", rule) for rule in parse(text)]
    begin = time.process_time()
    assert check(rules, program, text=text)
    return time.process_time() - begin


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_cost_linear_time(make: Callable[[int], str]) -> None:
    small = min(seconds_to_check(make(100)) for _ in range(2))
    large = min(seconds_to_check(make(900)) for _ in range(2))
    assert large < 45 * small + 0.1  # quadratic time would be 81 times


def test_a_thousand_singletons_are_told_at_once() -> None:
    assert seconds_to_check(HOSTILE["singletons"](1_000)) < 2
