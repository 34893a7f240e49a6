"""Random programs that once came to something else, shrunk; each is named for its defect."""

from __future__ import annotations

import pytest

from tests.oracle.cases import Case
from tests.oracle.comparison import run_case

_POLICY = (("create_policy", "m", "recursive"),)

RULE_TO_NOTHING = "o(min(x, y), avg(y, w)) :- d:e(0=_, 1=y), d:e(c0=x), d:e(x, w), not d:e(c1=x)"

FOUND = {
    # What it derived was more than a run may give once its table had rows of another rule: it was
    # blamed for being taken out, again and again.
    "a stopped rule is taken out of a table with rows of others": Case(
        (
            *_POLICY,
            ("insert", "m", "u(x, 3, x) :- d:e(x, y), (x > x or x = x)\nu(3, 4, 5) :- d:z"),
            ("load", "d", {"e": [("b", 3), ("a", "a")], "z": [()]}),
            ("apply", "d", {"e": [(None, None)]}, {}),
        ),
        max_rows=2,
    ),
    # What came in many small runs was more than one run may join.
    "a stopped rule is taken out that joined much change by change": Case(
        (
            *_POLICY,
            ("set_schema", "d", {"e": ("c0", "c1")}),
            ("insert", "m", "q(x + 2) :- v = x - y, d:e(y, z), d:e(w, x), d:e(s, t)"),
            ("load", "d", {"e": [(1, 1)]}),
            *(("apply", "d", {"e": [(number, "a")]}, {}) for number in range(2, 9)),
            ("apply", "d", {"e": [(20, 20), (21, 21), (22, 22), (23, 23)]}, {}),
        ),
        max_rows=2,
    ),
    # Nothing follows before or after; taking rows away joins those that were there.
    "a rule is stopped on the way to nothing": Case(
        (
            ("create_policy", "n", "nonrecursive"),
            ("set_schema", "d", {"e": ("c0", "c1")}),
            ("insert", "n", RULE_TO_NOTHING),
            ("load", "d", {"e": [(-5, 0), ("", 8), (8, ""), (0.5, -5), (8, -5), (0.5, 0.5)]}),
            ("load", "d", {"e": []}),
        ),
        max_rows=2,
    ),
    "why not by a rule without a body that can hold": Case(
        (*_POLICY, ("insert", "m", "p(0, 0) :- false"), ("why", "m", "p", (1, 2)))
    ),
    "a call whose input is not there yet does not hold": Case(
        (
            *_POLICY,
            ("set_schema", "d", {"g": ("c0", "c1")}),
            ("load", "d", {"g": []}),
            ("load", "clock", {"now": [("2026-01-01 00:01:00",)]}),
            ("insert", "m", "i() :- age_seconds(y, s), d:g(x, y)"),
            ("why", "m", "i", ()),
        )
    ),
    # The order of evaluation kept what it was inside of the trial; that the rule was recursive
    # before was forgotten, and with it that the others had missed what it missed.
    "a recursive rule goes after a trial in which it went": Case(
        (
            *_POLICY,
            ("insert", "m", "b :- k:v(x, _)\nb :- d:g(_, 1), m:b"),
            ("trial", (("delete", "m", "b :- d:g(_, 1), m:b"),)),
            ("delete", "m", "b :- d:g(_, 1), m:b"),
        )
    ),
    "impact of rules that act on a datasource that is not there": Case(
        (
            *_POLICY,
            ("load", "k", {"f": [(1,)]}),
            ("impact", (("insert", "m", "execute[d:act(x)] :- k:f(x)"),)),
        )
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_once_wrong_stays_right(name: str) -> None:
    run_case(FOUND[name])
