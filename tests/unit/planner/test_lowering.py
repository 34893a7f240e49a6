"""What a rule is lowered to gives the rows that the rule gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from congress_dist.policy import PolicyError
from congress_dist.policy.language.lexical import MAX_NESTING
from congress_dist.policy.planner.body_parts import MAX_MATCHES
from congress_dist.policy.planner.internal_key import InternalKey
from congress_dist.policy.planner.kernel_rules import KernelRule, Lowered
from congress_dist.policy.planner.lowering import lower
from congress_dist.policy.planner.normal_form import Condition, Group, Match
from tests.oracle.engine import ReferenceEngine
from tests.oracle.lowered import (
    TABLES,
    Loaded,
    head_of,
    lowered_each,
    meaning_of,
    normal_rules,
    reads_of,
    typed,
)
from tests.oracle.symbols import Symbols

ROWS: dict[str, list[tuple[Any, ...]]] = {
    "e": [(1, 2), (2, 3), (3, 4), (4, 1), (2, 2), ("a", 3)],
    "f": [(2,), (3,), (7,)],
    "g": [(1, 2, 3), (1, 5, 3), (2, 2, 2), (3, 1, "a")],
    "n": [()],
}


def check(given: Lowered) -> None:
    """Hold what one rule is lowered to to its promises."""
    ahead = Counter(rule.head for rule in given.rules)
    for rule in given.rules:
        head, width = head_of(rule)
        assert not isinstance(head, InternalKey) or given.widths[head] == width
        for (read, read_width), _ in reads_of(rule):
            if isinstance(read, InternalKey):
                assert given.widths[read] == read_width
                assert not ahead[read]
        ahead[head] -= 1  # type: ignore[index]
        if isinstance(rule, KernelRule):
            assert len(list(rule.matches())) <= MAX_MATCHES
            assert all(o.negated for o in rule.body if isinstance(o, Group))
            assert all(None not in m.terms for m in rule.matches() if m.negated)


def lowered_meaning(
    text: str, loaded: Loaded, *, reports: bool = False
) -> dict[str, set[tuple[Any, ...]]]:
    symbols = Symbols()
    each = lowered_each(normal_rules(text, symbols), symbols.values.__getitem__, reports=reports)
    for one in each:
        check(one)
    return meaning_of(each, loaded, symbols)


def reference(text: str, loaded: Loaded) -> ReferenceEngine:
    engine = ReferenceEngine()
    engine.create_policy("p", "recursive")
    engine.set_schema("d", TABLES)
    engine.load("d", {table: list(rows) for table, rows in loaded.items()})
    engine.insert("p", text)
    return engine


def assert_same(text: str, loaded: Loaded = ROWS) -> None:
    found = lowered_meaning(text, loaded)
    engine = reference(text, loaded)
    assert found == {name: typed(engine.rows("p", name)) for name in found}
    assert lowered_meaning(text, loaded, reports=True) == found


def lowered(text: str, *, reports: bool = False, recursive: Sequence[Any] = ()) -> Lowered:
    """Lower one rule."""
    symbols = Symbols()
    (normal,) = normal_rules(text, symbols)
    values = symbols.values.__getitem__
    return lower(normal, "owner", values=values, reports=reports, recursive=recursive)


def kinds_of(text: str) -> list[str]:
    """Give the kinds of the internal tables of a rule, in their order."""
    return [key.kind for key in lowered(text).widths]


# --- cases

MANY = " or ".join(f"x = {n}" for n in range(1, 18))
COMPUTED = " or ".join(f"y = x + {n}" for n in range(1, 18))
TESTS = " or ".join(f"x < {n}, y > {n}" for n in range(1, 18))
MIXED = " or ".join([*(f"d:e(x, {n})" for n in range(1, 17)), "x > 5"])

CASES = {
    "negated": [
        "p(x) :- d:f(x), not d:e(x, _)",
        "p(x) :- d:f(x), not d:e(_, x)",
        "p(x) :- d:f(x), not d:e(2, x)",
        "p(x) :- d:f(x), not d:e(x, x)",
        "p(x) :- d:f(x), not d:g(x, x, _)",
        "p(x) :- d:f(x), not d:g(x, _, 2)",
        "p(x) :- d:f(x), not d:g(_, 5, _)",
        "p(x) :- d:f(x), not d:e(_, _)",
        "p(x) :- d:f(x), not d:e(9, _)",
        "p(x) :- d:f(x), not d:n()",
        "p(1) :- not d:e(_, 9)",
        "p(1) :- not d:e(1, 2)",
        "p(1) :- not d:e(9, 2), not d:f(_), d:n()",
        "p(x) :- d:f(x), not d:g(a=x)",
    ],
    "groups": [
        "p(x) :- d:f(x), not (d:e(x, y), d:f(y))",
        "p(x) :- d:f(x), not (d:e(y, y))",
        "p(x) :- d:f(x), not (d:e(x, y), not d:f(y))",
        "p(x) :- d:f(x), not (d:e(x, y), not (d:e(y, z), not d:f(z)))",
        "p(x) :- d:f(x), not (d:e(y, _), not (d:e(y, x)))",
        "p(x) :- d:f(x), not (d:f(y), y > x)",
        "p(x, y) :- d:f(x), d:e(_, y), not (d:f(z), z > x, z < y)",
        "p(x, y) :- d:f(x), d:e(x, z), d:e(z, y), not (d:g(y, z, u), u > x)",
        "p(x) :- x in [1, 2, 3], not (d:f(y), y < x)",
        "p(x) :- x = 2, not (d:f(y), y < x)",
        "p(z) :- d:f(x), z = x + 1, not (d:f(y), y < z)",
        "p(x) :- d:f(x), not (x = 2)",
        "p(x) :- d:f(x), not (x = 2 or x = 3)",
        "p(x) :- d:f(x), not (plus(x, 1, y), y > 3)",
        "p(x) :- d:f(x), not (x > 2, not (x > 3))",
        "p(x) :- d:f(x), not (not (not (d:e(x, 2))))",
        "p(x) :- d:f(x), not (d:e(9, _))",
        "p(x) :- d:f(x), not (true)",
        "p(x) :- d:f(x), not (false)",
        "p(x) :- d:f(x), not (d:e(x, x) or d:e(x, y), y > 3)",
        "p(1) :- not (d:e(x, y), x > y, not d:f(x))",
        "p(x) :- d:f(x), not (d:f(y), (y < x or d:e(y, x)))",
    ],
    "alternatives left whole": [
        f"p(x) :- ({MANY})",
        f"p(x) :- d:f(x), ({MANY})",
        f"p(x, y) :- d:f(x), ({COMPUTED})",
        f"p(y) :- d:f(x), ({COMPUTED}), not d:f(y)",
        f"p(x) :- d:f(x), d:e(_, y), ({TESTS})",
        f"p(x) :- d:e(x, _), ({MIXED})",
        f"p(x) :- d:f(x), not ({MANY})",
        f"p(x) :- d:f(x), d:e(_, y), not ({TESTS})",
        f"p(x) :- d:f(x), not (({COMPUTED}), d:f(y))",
        f"p(x) :- d:f(x), not (({COMPUTED}), y > 12, ({TESTS}))",
        f"p(x) :- d:f(x), not (({COMPUTED}), not (d:e(y, _), not d:f(x)))",
        f"p(x, y) :- ({MIXED}), d:e(x, y), ({TESTS}), ({COMPUTED})",
        f"p(x) :- d:e(x, z), ({MIXED}), not (d:e(z, y), ({TESTS}))",
    ],
    "recursion": [
        "p(x, y) :- d:e(x, y)\np(x, z) :- p(x, y), d:e(y, z), not (x = z)",
        "p(x, y) :- d:e(x, y)\np(x, z) :- p(x, y), p(y, z), not (d:f(u), u < x)",
        "p(x) :- d:f(x)\np(y) :- p(x), plus(x, 1, y), not (d:f(u), y > u + 3)",
        "p(x) :- d:f(x)\np(y) :- q(x), plus(x, 1, y), not (d:f(u), y > u + 3)\nq(x) :- p(x)",
        "p(x) :- d:f(x)\np(y) :- p(x), y = x + 1, not (d:f(u), not (d:e(u, v), y < v + 5))",
        f"p(x) :- d:f(x)\np(y) :- p(x), y = x + 1, y < 30, not (d:f(u), u > x, ({COMPUTED}))",
        f"p(x) :- d:f(x)\np(y) :- p(x), ({COMPUTED}), y < 40, not (d:f(u), u > y)",
        "p(x) :- d:f(x)\np(y) :- d:f(y), p(_), d:e(_, 3)\np(9) :- p(x), p(y), d:n()",
    ],
    "parts": [
        "p(x) :- d:f(x), d:e(y, _)",
        "p(x) :- d:f(x), d:e(9, _)",
        "p(1) :- d:f(x), d:e(y, z), y < z",
        "p(1) :- d:f(x)",
        "p(1) :- d:f(_), d:e(_, _)",
        "p(x, y) :- d:f(x), d:e(y, _), d:g(_, z, z)",
        "p(x) :- d:f(x), 1 < 2, d:e(1, 2)",
        "p(x) :- d:f(x), 2 < 1",
        "p(x) :- d:f(x), plus(1, 2, y), y > 2",
        "p(x) :- d:f(x), plus(1, 2, y), not d:f(y)",
        "p(x) :- d:f(x), y in [1, 2], not d:f(y)",
        "p(x) :- d:f(x), d:f(y), not (d:e(y, z), z > 3)",
        "p(x, x, 1) :- d:f(x)",
        "p() :- d:n(), d:e(x, y), not d:f(x)",
        "p :- d:n()\nq(x) :- d:f(x), p, not r\nr :- d:e(9, _)",
        "p(x) :- x = 1",
        "p(x) :- x in [1, 2]",
        "p(1) :- true",
        "p(1) :- false",
    ],
    "aggregates": [
        "p(count(x)) :- d:e(x, _)",
        "p(x, count(y), sum(y)) :- d:e(x, y)",
        "p(x, sum(y), count(y), max(z)) :- d:g(x, y, z)",
        "p(sum(y, x), x) :- d:e(x, y), d:f(z)",
        "p(x, count(y, z), min(z, y)) :- d:g(x, y, z), not d:e(x, _)",
        "p(x, sum(y)) :- (d:e(x, y) or d:e(y, x)), d:f(x)",
        "p(x, avg(y)) :- d:e(x, y), (y = 2 or d:f(y), y > 1)",
        "p(1, x, count(y)) :- d:e(x, y)",
        "p(count(x)) :- d:f(x), x > 99",
        "p(x, count(y)) :- d:f(x), d:e(x, y), not (d:g(x, z, _), z > y)",
        "p(x + 1, max(y)) :- d:f(x), d:e(_, y)",
        f"p(x, count(y)) :- d:e(x, y), ({TESTS})",
    ],
}


@pytest.mark.parametrize("text", [text for texts in CASES.values() for text in texts])
def test_each_construct_gives_the_same_rows(text: str) -> None:
    assert_same(text)


def chain(length: int, *, end: str = "") -> str:
    body = ", ".join(f"d:e(x{n}, x{n + 1})" for n in range(length))
    return f"p(x0, x{length}) :- {body}{end}"


@pytest.mark.parametrize("length", [32, 33, 63, 64, 100])
def test_a_long_rule_gives_the_same_rows(length: int) -> None:
    rows = {**ROWS, "e": [(1, 2), (2, 1), (3, 3), (4, 1)]}
    assert_same(chain(length), rows)
    assert_same(chain(length, end=", not d:f(x7), not (d:f(y), y < x9), x3 != 4"), rows)


def test_a_long_rule_is_cut_where_it_has_to_be() -> None:
    assert kinds_of(chain(32)) == []
    assert kinds_of(chain(33)) == ["piece"]
    assert kinds_of(chain(64)) == ["piece", "piece"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("p(x) :- d:f(x), not d:e(x, _), not d:e(_, x)", ["projection", "projection"]),
        ("p(x) :- d:f(x), not d:e(x, _), not d:e(1, _)", ["projection"]),
        ("p(x) :- d:f(x), not d:e(x, 1)", []),
        ("p(x) :- d:f(x), d:e(x, _)", []),
        ("p(x) :- d:f(x), not (x = 1)", []),
        ("p(x) :- d:f(x), d:e(1, 2), not d:f(1)", []),
        ("p(x) :- d:f(x), d:e(1, _)", ["part"]),
        ("p(1) :- d:e(x, y), d:e(y, z)", []),
        ("p(count(x), count(y), sum(x)) :- d:e(x, y)", ["report", "input", "input"]),
        (f"p(x) :- d:f(x), ({MIXED})", ["group"]),
    ],
)
def test_internal_tables_are_made_where_they_are_needed(text: str, kinds: list[str]) -> None:
    assert kinds_of(text) == kinds


def test_rules_share_what_has_the_same_contents() -> None:
    first = lowered("p(x) :- d:f(x), not d:e(x, _), not (d:e(x, y), d:f(y))")
    second = lowered("q(x, 1) :- not d:e(x, _), d:f(x), not (d:e(x, y), d:f(y)), x != 1")
    assert first.widths == second.widths
    assert [key.kind for key in first.widths] == ["projection", "group"]


def test_what_differs_has_tables_of_its_own() -> None:
    texts = ["x > 1", "x < 1", "x in [1, 2]", "x not in [1, 2]", "x in [1]", "d:e(x, x)", "d:f(x)"]
    found = [lowered(f"p(x) :- d:f(x), not (d:e(x, _), {text})").widths for text in texts]
    assert len({key for widths in found for key in widths}) == len(texts)


def test_a_group_takes_what_binds_all_that_it_shares() -> None:
    """Only `e` of the two that bind x: with `f` it would pair unrelated rows."""
    group, rule = lowered("p(x, y) :- d:f(x), d:e(x, y), not (d:f(z), z > x, z < y)").rules
    assert isinstance(group, KernelRule)
    assert [match.table[1] for match in group.matches()] == ["e", "f"]
    assert isinstance(rule, KernelRule)
    assert [match.negated for match in rule.matches()] == [False, False, True]


def test_a_group_that_only_recursion_binds_stays_a_test() -> None:
    own = "p(y) :- p(x), y = x + 1, not (d:f(u), u > y)"
    other = own.replace("p(x)", "q(x)")
    assert [match.table for match in _asks(lowered(own))] == [("d", "f")]
    assert _asks(lowered(other)) == []
    assert _asks(lowered(other, recursive=[("p", "q")])) == _asks(lowered(own))


def _asks(given: Lowered) -> list[Match]:
    (rule,) = (rule for rule in given.rules if rule.head == ("p", "p"))
    assert isinstance(rule, KernelRule)
    return list(rule.asks())


def test_a_rule_that_reports_has_a_table_of_its_own() -> None:
    own, copy = lowered("p(x, 1) :- d:f(x)", reports=True).rules
    assert (own.head, copy.head) == (InternalKey("report", "owner"), ("p", "p"))
    assert reads_of(copy) == [((own.head, 2), False)]


def test_a_deep_rule_is_lowered() -> None:
    opened, closed = "not (d:e(x, _), " * (MAX_NESTING - 2), ")" * (MAX_NESTING - 2)
    assert_same(f"p(x) :- d:f(x), {opened}d:e(x, y), y > 2{closed}")


def test_a_rule_without_alternatives_comes_to_nothing() -> None:
    assert lower((), "owner", values=str, reports=True) == Lowered((), {})


# --- literals that only ask for a row

ASKED = "p(x) :- d:f(x), d:e(x, _), d:g(x, _, _)"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("p(x) :- d:f(x), d:e(x, _)", []),
        ("p(x) :- d:e(x, _), d:g(x, _, _)", []),
        (ASKED, ["projection"]),
        ("p(x) :- d:f(x), d:e(x, y), d:g(x, z, u)", ["projection"]),
        ("p(x) :- d:e(x, _), d:g(x, _, _), d:e(_, x)", ["projection"] * 2),
        ("p(x) :- d:f(x), d:e(x, _), d:g(x, 2, _), d:g(_, _, x)", ["projection"] * 2),
        ("p(x, y) :- d:f(x), d:e(x, _), d:g(x, y, _)", []),
        ("p(x, y) :- d:e(x, y), d:e(x, _), d:g(y, _, _)", []),
        ("p(x) :- d:f(x), d:e(x, _), d:g(x, y, _), y > 2", []),
        ("p(x) :- d:f(x), d:e(x, _), d:g(x, y, y)", []),
        ("p(x, 1) :- d:f(x), d:e(x, _), p(x, _)", []),
        ("p(x) :- d:f(x), d:e(x, _), d:g(x, _, _), not d:g(x, _, _)", ["projection"]),
    ],
)
def test_further_literals_that_only_ask_read_projections(text: str, kinds: list[str]) -> None:
    assert kinds_of(text) == kinds
    assert_same(text)


def test_what_only_asks_shares_its_projection_with_what_is_negated() -> None:
    assert lowered(ASKED).widths == lowered("q(x) :- d:f(x), not d:g(x, _, _)").widths


# --- random programs

names = st.sampled_from(["x", "y", "z"])
terms = st.one_of(names, names, st.sampled_from(["1", "2", '"a"', "_"]))
bound = st.one_of(names, st.sampled_from(["1", "2"]))
derived = st.sampled_from(["p", "q"])
flat = st.one_of(
    st.builds("d:e({}, {})".format, terms, terms),
    st.builds("d:f({})".format, terms),
    st.builds("d:g({}, {}, {})".format, terms, terms, terms),
    st.builds("{}({}, {})".format, derived, names, terms),
    st.builds("not d:e({}, {})".format, terms, terms),
    st.builds("not d:g({}, _, {})".format, terms, terms),
    st.builds("not q({}, {})".format, terms, terms),
    st.builds("{} {} {}".format, bound, st.sampled_from(["=", "!=", "<", ">="]), bound),
    st.builds("{} in [1, 2]".format, names),
    st.builds("{} not in [1]".format, names),
    st.builds("{} = 3 - {}".format, names, names),
    st.builds("not lt({}, {})".format, bound, bound),
)


def groups(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map(", ".join)
    either = st.lists(body, min_size=1, max_size=2).map(" or ".join)
    many = st.lists(body, min_size=17, max_size=18).map(" or ".join)
    return st.one_of(
        st.builds("({})".format, either),
        st.builds("not ({})".format, either),
        st.builds("not ({})".format, either),
        st.builds("({})".format, many),
    )


conditions = st.recursive(flat, groups, max_leaves=6)
bodies = st.lists(conditions, min_size=1, max_size=4).map(", ".join)
heads = st.one_of(
    st.builds("{}({}, {})".format, derived, names, bound),
    st.builds("{}({}, count({}))".format, derived, names, names),
    st.builds("r({}, sum({}), max({}, {}))".format, bound, names, names, names),
)
starts = st.sampled_from(
    ["", "d:e(x, y), ", "d:f(x), ", "p(x, y), ", "q(x, z), ", "d:g(x, y, z), "]
)
rules = st.builds("{} :- {}{}".format, heads, starts, bodies)
cells = st.sampled_from([1, 2, 3, "a"])
loads = st.fixed_dictionaries(
    {
        table: st.lists(st.tuples(*[cells] * len(columns)), min_size=2, max_size=6)
        for table, columns in TABLES.items()
    }
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(rules, min_size=1, max_size=3), loads)
def test_random_programs_give_the_same_rows(
    program: list[str], loaded: dict[str, list[tuple[Any, ...]]]
) -> None:
    accepted: list[str] = []
    for rule in program:
        try:
            reference("\n".join([*accepted, rule]), {})
        except PolicyError:
            continue
        accepted.append(rule)
    if accepted:
        assert_same("\n".join(accepted), loaded)


@pytest.mark.parametrize(
    ("text", "constants", "is_compared"),
    [
        ("p(x) :- d:e(x, y), y = 3", 1, False),
        ("p(x) :- d:e(x, y), 3 = y, d:f(y)", 2, False),
        ("p(x, y) :- d:e(x, y), y = 3", 1, True),
        ("p(x) :- d:e(x, y), y = 3, y < x", 1, True),
        ("p(x) :- d:e(x, y), y = 3, y = 4", 1, True),
        ("p(x) :- d:e(x, y), y = 3, not d:f(y)", 2, False),
        ("p(x) :- d:f(x), y = 3, x != y", 0, True),
        ("p(x) :- d:e(x, y), y > 3", 0, False),
    ],
)
def test_constants_of_equations_stand_in_the_tables(
    text: str, constants: int, *, is_compared: bool
) -> None:
    rule = lowered(text).rules[-1]
    assert isinstance(rule, KernelRule)
    found = [term for match in rule.matches() for term in match.terms if isinstance(term, int)]
    assert len(found) == constants
    assert is_compared is any(isinstance(o, Condition) and o.operator == "=" for o in rule.body)
    assert_same(text)
