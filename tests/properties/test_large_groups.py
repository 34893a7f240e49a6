"""Rules with more alternatives than are multiplied out, against every assignment of values.

A rule means: its head holds for each assignment of values to all its variables with which every
group has an alternative that holds. The fixpoint here tries all assignments, until nothing is new.
"""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from congress_dist.policy import Engine

DOMAIN = range(3)
PAIRS = list(product(DOMAIN, DOMAIN))
VARIABLES = "xyz"

Row = tuple[int, ...]
Rows = dict[str, set[Row]]
Term = str | int
Condition = tuple[str, tuple[Term, ...]]
"""A table with terms, negated with `not ` before it, or `=` or `!=` with two."""
Alternative = tuple[Condition, ...]
Group = list[Alternative]

variable = st.sampled_from("xyz")
term = st.one_of(variable, st.just("_"), st.sampled_from(DOMAIN))


@st.composite
def alternatives(draw: st.DrawFn, shared: str) -> Alternative:
    """Give conditions that bind the shared variables and may test them."""
    conditions: list[Condition] = []
    for name in shared:
        kinds: list[Condition] = [
            ("d:f", (name,)),
            ("d:e", (name, draw(term))),
            ("d:e", (draw(term), name)),
            ("p", (name, draw(variable))),
            ("=", (name, draw(st.sampled_from(DOMAIN)))),
        ]
        conditions.append(draw(st.sampled_from(kinds)))
    if draw(st.booleans()):
        first, second = shared[0], shared[-1]
        tests: list[Condition] = [("not d:e", (first, second)), ("!=", (first, second))]
        conditions.append(draw(st.sampled_from(tests)))
    return tuple(draw(st.permutations(conditions)))


@st.composite
def bodies(draw: st.DrawFn) -> list[Group]:
    """Give groups that multiply out to more than sixteen, and bind x, y and z."""
    groups = [
        draw(st.lists(alternatives(shared), min_size=3, max_size=4))
        for shared in draw(st.permutations(["x", "xy", "yz", "z"]))
    ]
    if draw(st.booleans()):
        groups.append([(("d:e", ("x", "y")),)])
    return groups


def text_of(condition: Condition) -> str:
    """Print a condition."""
    word, terms = condition
    if word in ("=", "!="):
        return f"{terms[0]} {word} {terms[1]}"
    return f"{word}({', '.join(map(str, terms))})"


def rule_of(body: list[Group]) -> str:
    """Print the rule that has a body."""
    groups = (" or ".join(", ".join(map(text_of, one)) for one in group) for group in body)
    return f"p(x, y) :- {', '.join(f'({group})' for group in groups)}, z != 7"


def holds(condition: Condition, values: dict[str, int], rows: Rows) -> bool:
    """Tell whether a condition holds with these values."""
    word, terms = condition
    wanted = [values.get(each, each) if isinstance(each, str) else each for each in terms]
    if word in ("=", "!="):
        return (wanted[0] == wanted[1]) is (word == "=")
    is_there = any(
        all(value in ("_", cell) for value, cell in zip(wanted, row, strict=True))
        for row in rows[word.removeprefix("not ")]
    )
    return is_there is not word.startswith("not ")


def meaning(programme: list[list[Group]], rows: Rows) -> set[Row]:
    """Give the rows of p."""
    assignments = [
        dict(zip(VARIABLES, values, strict=True))
        for values in product(DOMAIN, repeat=len(VARIABLES))
    ]
    while True:
        new = {
            (values["x"], values["y"])
            for body in programme
            for values in assignments
            if all(
                any(all(holds(c, values, rows) for c in one) for one in group) for group in body
            )
        }
        if new <= rows["p"]:
            return rows["p"]
        rows = {**rows, "p": rows["p"] | new}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(bodies(), min_size=1, max_size=2),
    st.sets(st.sampled_from(PAIRS)),
    st.sets(st.sampled_from(DOMAIN)),
    st.sets(st.sampled_from(PAIRS), max_size=2),
)
def test_a_large_rule_gives_what_its_alternatives_give(
    programme: list[list[Group]], e: set[Row], f: set[int], facts: set[Row]
) -> None:
    engine = Engine()
    engine.create_policy("t", kind="recursive")
    engine.set_schema("d", {"e": ["a", "b"], "f": ["a"]})
    engine.load("d", {"e": sorted(e), "f": [(n,) for n in f]})
    engine.insert("t", "\n".join(f"p({a}, {b})" for a, b in facts))
    engine.insert("t", "\n".join(map(rule_of, programme)))
    rows: Rows = {"d:e": e, "d:f": {(n,) for n in f}, "p": facts}
    assert set(engine.rows("t", "p")) == meaning(programme, rows)
    engine.apply("d", removed={"f": [(1,)]}, added={"e": [(2, 2)]})
    rows = {"d:e": e | {(2, 2)}, "d:f": {(n,) for n in f if n != 1}, "p": facts}
    assert set(engine.rows("t", "p")) == meaning(programme, rows)
