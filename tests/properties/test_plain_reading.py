"""What is read in one go, and what the grammar reads by its productions, is the same.

Each text is read twice: as always, and with the reading of plain statements and brackets turned
off, so that each production of the grammar does its own work. The rules must be equal with all
their spans, or the diagnostics must be.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from congress_dist.policy.language import grammar
from congress_dist.policy.language.ast import Alternatives, NegatedGroup
from congress_dist.policy.language.diagnostics import PolicyError
from congress_dist.policy.language.grammar import parse

SPACES = ("", "", " ", " ", " ", "\n", "\t", "\r\n", "\f", " # or :- (\n", "/* ), x */", "  ")
NAMES = (
    "p", "q", "x", "y", "_", "a.b", "._x", ".5", "or", "in", "not", "NOT", "true", "null", "nota",
    "orx", "in.y", "true.x", "execute", "ensure", "count", "sum", "p:q", "a-b:t", "p:q:r", "t+",
    "t-", "d:s.t", "Not", "é", "x2", "a-b", "a.", "1a", "trueish",
)  # fmt: skip
CONSTANTS = (
    "1", "-1", "+7", "- 2", "007", "0x1F", "1.5", ".5", "5.", "1e3", "-0.0", "null", "true",
    "9223372036854775808", '"a"', "'a:-('", '"\\"(,"', "'''a'b\n'''", '""', '"""q""x"""', "false",
    '"\\u00e9"', '"#//"', "'or )'", '"\\ud800"', '"/* "', '"', "?", "1e999", '"\\\n"',
)  # fmt: skip
SYMBOLS = (
    ",", ",", ",", "(", ")", "(", ")", ":-", ":-", "=", "!=", "<", "<=", ">=", "==", "=<", "+",
    "-", "*", "/", "%", "[", "]", ";", ".", "@", "!", "or", "not", "in", "execute[", '@id("a")',
    ":", "|",
)  # fmt: skip

spaces = st.sampled_from(SPACES)
names = st.sampled_from(NAMES)
usual_names = st.sampled_from(
    ("p", "q", "x", "y", "_", "d:t", "t+", "a-b:t", "a.b", "orx", "d:in")
)
terms = st.one_of(usual_names, usual_names, names, st.sampled_from(CONSTANTS))


def spread(*parts: Any) -> st.SearchStrategy[str]:
    """Join parts with any white space between them."""
    between = [part for given in parts for part in (spaces, given)][1:]
    return st.tuples(
        *[p if isinstance(p, st.SearchStrategy) else st.just(p) for p in between]
    ).map("".join)


def listed(element: st.SearchStrategy[str], separator: str, most: int) -> st.SearchStrategy[str]:
    inner = spread(separator, element)
    return st.tuples(element, st.lists(inner, max_size=most - 1).map("".join)).map("".join)


expressions = st.recursive(
    terms,
    lambda inner: st.one_of(
        spread(inner, st.sampled_from("+-*/%"), inner),
        spread("(", inner, ")"),
        spread("-", inner),
    ),
    max_leaves=4,
)
arguments = st.one_of(
    expressions,
    terms,
    spread(names, "=", expressions),
    spread(st.sampled_from("019"), "=", terms),
    spread(st.sampled_from(("count(", "sum (")), listed(names, ",", 2), ")"),
)
atoms = st.one_of(
    names,
    spread(usual_names, "(", ")"),
    spread(usual_names, "(", listed(arguments, ",", 3), ")"),
    spread(usual_names, "(", listed(terms, ",", 3), ")"),
)
comparisons = spread(
    expressions, st.sampled_from(("=", "!=", "<", "<=", ">", ">=", "==", "<>")), expressions
)
memberships = spread(
    terms, st.sampled_from(("in", " not in", "in ")), "[", listed(terms, ",", 3), "]"
)
negations = st.sampled_from(("not ", "NOT", "!", "not", "not not "))
plain = st.one_of(
    atoms,
    atoms,
    spread(negations, atoms),
    comparisons,
    comparisons,
    memberships,
    st.sampled_from(("true", "false", "true()", "not true", "not false ( )")),
)
conditions = st.recursive(
    plain,
    lambda inner: st.one_of(
        spread("(", listed(listed(inner, ",", 2), " or ", 3), ")"),
        spread(negations, "(", listed(listed(inner, ",", 2), " or", 2), ")"),
    ),
    max_leaves=6,
)
annotations = spread("@", names, "(", terms, ")")
modals = st.sampled_from(("execute", "ensure", "x"))
heads = st.one_of(atoms, atoms, spread(modals, "[", atoms, "]"), spread(annotations, atoms))
statements = st.one_of(heads, spread(heads, ":-", listed(conditions, ",", 4)))
ends = st.sampled_from(("", "\n", " ", ";", ".", " .", "\n", "; "))
texts = st.lists(st.tuples(statements, ends).map("".join), min_size=1, max_size=4).map("".join)
loose = st.lists(
    st.one_of(spaces, names, st.sampled_from(CONSTANTS), st.sampled_from(SYMBOLS)), max_size=25
).map("".join)


@st.composite
def damaged(draw: Any) -> str:
    """A text that is policy text but for one place."""
    text = draw(texts)
    place = draw(st.integers(0, len(text)))
    taken = draw(st.integers(0, 2))
    put = draw(st.one_of(st.just(""), st.sampled_from(SYMBOLS), names))
    return str(text[:place] + put + text[place + taken :])


def whole(node: Any) -> Any:
    """Give a node with all that is in it, spans included."""
    if isinstance(node, tuple):
        return tuple(map(whole, node))
    if isinstance(node, Alternatives | NegatedGroup) or is_dataclass(node):
        return (
            type(node).__name__,
            *((field.name, whole(getattr(node, field.name))) for field in fields(node)),
        )
    return type(node).__name__, repr(node)


def reading(text: str) -> Any:
    try:
        return [whole(rule) for rule in parse(text)]
    except PolicyError as error:
        return error.diagnostics


def nothing(*_: Any) -> None:
    return None


def reading_by_productions(text: str) -> Any:
    with (
        mock.patch.object(grammar, "read_statement", nothing),
        mock.patch.object(grammar, "read_bracket", nothing),
    ):
        return reading(text)


@settings(max_examples=600, deadline=None)
@given(st.one_of(texts, texts, damaged(), loose))
@example("p(1) :- true in [x]")
@example("p(1) :- true == 1")
@example("p(1) :- true = ")
@example("p(1) :- q(x), x in [1, y]")
@example("p(1) :- q(x),\f(x = 1 or\vr(x) ) . q(1)")
@example("p(1) :- not ((x) = 1)")
@example("p(1) :- x = 5. q(5.)")
@example("p(1) :- 1 < 5.d:p(2 + x):-1 < 1.5.q((- 2))")
@example("p(-\n2, - 2.5) :- x in [- 2, + 3], x = --9223372036854775808, - 2 < x")
@example("execute [ p(x) ] :- q(x)")
@example("p(x):-d:q(x).u:t+(1):-d-e:q(x),(d:q(x + 1)or d-e:q)")
@example("p(x) :- d:not(x)")
@example("p(x) :- not:q(x)")
@example("@a(1)@b(x) p(1)")
@example("p(1) :- q(x), ((x + 1) * 2 < 3 or x - -1 = 2 , not (r(x)))")
@example("q\r\n( (y )) ")
@example("p(1 + 2, ")
@example("p(x-(1 + 2)) :- q(x)")
@example("p(x) :- q(x), (x = 1 or (x + 1) * 2 > 3), ((x)) - (1) = 2, (r(x)) = 3")
def test_both_ways_read_the_same(text: str) -> None:
    assert reading(text) == reading_by_productions(text)


@pytest.mark.parametrize("count", [999, 1000, 1001, 1002])
@pytest.mark.parametrize("separator", [", ", " or "])
@pytest.mark.parametrize("last", ["q", "x = 1 + 2", "true", "(q)", "q in"])
def test_both_ways_count_the_same(count: int, separator: str, last: str) -> None:
    body = separator.join([*["q"] * (count - 1), last])
    text = f"p :- {body}" if separator == ", " else f"p :- ({body})"
    assert reading(text) == reading_by_productions(text)


@pytest.mark.parametrize("depth", [1, 7, 8, 9, 17, 199, 200, 201])
@pytest.mark.parametrize(
    ("inner", "behind"), [("x", ""), ("x", " * 2 = 1"), ("q(x + 1)", ""), ("q(x-(1))", "")]
)
def test_both_ways_read_deep_brackets_the_same(depth: int, inner: str, behind: str) -> None:
    text = f"p(x) :- q(x), {'(' * depth}{inner}{')' * depth}{behind}"
    assert reading(text) == reading_by_productions(text)


@pytest.mark.parametrize("count", [9_999, 10_000, 10_001])
def test_both_ways_count_operators_the_same(count: int) -> None:
    text = "p :- " + ", ".join(f"x = 1{' + 1' * 100}" for _ in range(99)) + ", x = 1"
    text += " + 1" * (count - 9900)
    assert reading(text) == reading_by_productions(text)
