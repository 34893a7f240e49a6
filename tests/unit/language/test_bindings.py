"""Which variables get values, in which alternatives."""

from __future__ import annotations

import time

import pytest

from congress_dist.policy.language.bindings import scopes_of
from congress_dist.policy.language.grammar import parse


def bound(body: str) -> list[set[str]]:
    (rule,) = parse(f"p :- {body}")
    return [scope.bound for scope in scopes_of(rule.body or ())]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("q(x, _, 1)", {"x"}),
        ("not q(x)", set()),
        ("q(x), plus(x, 1, y)", {"x", "y"}),
        ("plus(x, 1, y), minus(y, 1, z), q(x)", {"x", "y", "z"}),
        ("plus(x, _, y), q(x)", {"x"}),
        ("not plus(x, 1, y), q(x)", {"x"}),
        ("x = 1", {"x"}),
        ("x = y", set()),
        ("x = y, z = y, z = 1", {"x", "y", "z"}),
        ("x < 1", set()),
        ("x in [1]", {"x"}),
        ("x not in [1]", set()),
        ("(q(x, y) or r(x))", {"x"}),
        ("(q(x) or false)", {"x"}),
        ("((q(x) or r(x)) or (s(x, y), t(y)))", {"x"}),
        ("(x = y or q(x)), r(y)", {"x", "y"}),
        ("(x = y or q(x)), (y = z or s(y)), r(z)", {"x", "y", "z"}),
        ("q(x, y + 1)", {"x"}),
        ("z = x * y - 1, q(x), r(y)", {"x", "y", "z"}),
        ("z = -x, z = 1", {"z"}),
        ("len(x + y, n), q(x)", {"x"}),
        ("x = _ + 1", set()),
        ("q(x), not (r(y), x = z)", {"x"}),
    ],
)
def test_a_body_binds(body: str, names: set[str]) -> None:
    assert bound(body)[0] == names


def test_an_alternative_sees_what_is_bound_outside_and_keeps_its_own() -> None:
    assert bound("q(x), (x = y or r(z), x < 3)") == [{"x"}, {"x", "y"}, {"x", "z"}]


def test_a_negated_group_sees_what_is_bound_outside_and_keeps_its_own() -> None:
    assert bound("not (r(y), x = z), q(x)") == [{"x"}, {"x", "y", "z"}]
    assert bound("not (not (x = z)), q(x)") == [{"x"}, {"x"}, {"x", "z"}]


def test_order_never_matters() -> None:
    forwards = ["q(a)", *(f"plus(v{n}, 1, v{n + 1})" for n in range(50)), "v0 = a"]
    assert bound(", ".join(forwards))[0] == bound(", ".join(reversed(forwards)))[0]


def test_nested_alternatives_that_feed_each_other_cost_no_exponential_time() -> None:
    body = "q(x0)"
    for n in range(100):
        body = f"(({body}, x{n} = y{n}) or q(x{n}, y{n})), (y{n} = x{n + 1} or r(x{n + 1}))"
    begin = time.process_time()
    assert "x100" in bound(body)[0]
    assert time.process_time() - begin < 2
