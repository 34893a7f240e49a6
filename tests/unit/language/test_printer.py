"""From rules to text and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from congress_dist.policy.language.ast import (
    Aggregate,
    Alternatives,
    Annotation,
    Argument,
    Atom,
    Body,
    Comparison,
    Conjunct,
    Constant,
    Constant_,
    Expression,
    Literal,
    Membership,
    NegatedGroup,
    Negative,
    Operation,
    Rule,
    Truth,
    Variable,
    Wildcard,
)
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.language.lexical import MAX_INT, MIN_INT
from congress_dist.policy.language.printer import (
    pretty_rule,
    print_annotations,
    print_body,
    print_head,
    print_rule,
    print_statement,
)

# Chosen ones: names made by a regular expression cost ten seconds, and are seldom near to a word
# of the language, a number, or the prefix of a string.
NAMES = (
    "p", "x", "Y", "x1", "_1", "__", "_x", "._x", "..a", "a.b", "a..b", "A.1", "x_", "e5", "E",
    "b", "r", "bR", "u", "nota", "NOTE", "or_", "orx", "in.y", "inn", "true.x", "trueish", "Not",
    "nulls", "count", "sum", "avg", "execute", "ensure", "builtin", "a0x1F", "zzzzzzzz",
)  # fmt: skip
POLICIES = (
    "p", "_", "a-b", "a--b", "a.b-c", "p-1", "x.y", "not-a", "or.b", "in_", "A_", "execute", "e-5",
)  # fmt: skip
names = st.sampled_from(NAMES)
policies = st.sampled_from(POLICIES)
texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)
values: st.SearchStrategy[Constant_] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(MIN_INT, MAX_INT),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0),
    texts,
)
constants = st.builds(Constant, values)
variables = st.builds(Variable, names)
terms = st.one_of(constants, variables, st.builds(Wildcard))


def is_number(expression: Expression) -> bool:
    return isinstance(expression, Constant) and type(expression.value) in (int, float)


def operations(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    # A minus sign before a number is part of the number.
    signed = inner.filter(lambda expression: not is_number(expression))
    operators = st.sampled_from(["+", "-", "*", "/", "%"])
    return st.one_of(st.builds(Operation, operators, inner, inner), st.builds(Negative, signed))


expressions: st.SearchStrategy[Expression] = st.recursive(terms, operations, max_leaves=6)
aggregates = st.builds(
    Aggregate,
    st.sampled_from(["count", "sum", "min", "max", "avg"]),
    st.lists(variables, min_size=1, max_size=2).map(tuple),
)
columns = st.one_of(st.none(), names, st.integers(0, 30))
tables = st.builds(
    lambda parts, sign: ":".join(parts) + sign,
    st.lists(names, min_size=1, max_size=2),
    st.sampled_from(["", "", "", "+", "-"]),
)


def atoms(
    values: st.SearchStrategy[Expression], policy: st.SearchStrategy[str | None]
) -> st.SearchStrategy[Atom]:
    # Without a policy the first part of `a:b` would be read as one.
    names_only = tables.filter(lambda table: ":" not in table)
    arguments = st.lists(st.builds(Argument, values, columns), max_size=3).map(tuple)
    return policy.flatmap(
        lambda name: st.builds(
            Atom, tables if name else names_only, arguments, policy=st.just(name)
        )
    )


any_policy = st.one_of(st.none(), policies)
literals = st.builds(Literal, atoms(expressions, any_policy), st.booleans())
comparisons = st.builds(
    Comparison, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), expressions, expressions
)
memberships = st.builds(
    Membership, terms, st.lists(constants, min_size=1, max_size=3).map(tuple), st.booleans()
)
simple = st.one_of(literals, comparisons, memberships, st.builds(Truth, st.booleans()))


def groups(inner: st.SearchStrategy[Conjunct]) -> st.SearchStrategy[Conjunct]:
    body = st.lists(inner, min_size=1, max_size=2).map(tuple)
    bodies = st.lists(body, min_size=1, max_size=3).map(tuple)
    return st.one_of(st.builds(Alternatives, bodies), st.builds(NegatedGroup, bodies))


conjuncts: st.SearchStrategy[Conjunct] = st.recursive(simple, groups, max_leaves=5)
bodies: st.SearchStrategy[Body | None] = st.one_of(
    st.none(), st.lists(conjuncts, min_size=1, max_size=4).map(tuple)
)


def with_body(rule: Rule) -> Rule:
    """A head that must be worked out has a body."""
    is_plain = all(
        isinstance(a.value, Constant | Variable | Wildcard) for a in rule.head.arguments
    )
    return rule if is_plain or rule.body else replace(rule, body=(Truth(True),))


rules = st.builds(
    Rule,
    atoms(st.one_of(expressions, aggregates), any_policy),
    bodies,
    st.sampled_from([None, None, "execute", "ensure"]),
    st.lists(st.builds(Annotation, names, values), max_size=2).map(tuple),
).map(with_body)


@settings(max_examples=100, deadline=None)
@given(st.lists(rules, min_size=1, max_size=3))
def test_what_is_printed_reads_as_the_same(program: list[Rule]) -> None:
    assert parse("\n".join(map(print_statement, program))) == program


def unspaced(rule: Rule) -> str:
    body = "" if rule.body is None else f":-{print_body(rule.body)}"
    return f"{print_annotations(rule)}{print_head(rule)}{body}"


@settings(max_examples=50, deadline=None)
@given(rules, rules, st.sampled_from([".", ";"]))
def test_blanks_around_the_arrow_and_between_statements_say_nothing(
    first: Rule, second: Rule, end: str
) -> None:
    texts = [unspaced(rule) for rule in (first, second)]
    if texts[0].endswith((")", "]")):  # behind anything else a dot is part of the name
        texts = [end.join(texts)]
    assert [rule for text in texts for rule in parse(text)] == [first, second]


def test_a_rule_on_one_line() -> None:
    text = 'p(x, "a\\n\\"b\\"") :- d:q(id=x), not r(x), (s(x) or t(), x <= 3), x in [1, null]'
    (rule,) = parse(text)
    assert print_rule(rule) == text


def test_brackets_stand_only_where_they_are_needed() -> None:
    (rule,) = parse("p((1 + 2) + 3, 1 + (2 + 3), (1 * 2) + 3, 1 * (2 + 3), -(x + 1), -(-x))")
    assert print_head(rule) == ("p(1 + 2 + 3, 1 + (2 + 3), 1 * 2 + 3, 1 * (2 + 3), -(x + 1), --x)")


def test_annotations_are_printed_by_themselves() -> None:
    (rule,) = parse('@id("A") @dry_run(true) execute[p(x)] :- q(x)')
    assert print_annotations(rule) == '@id("A") @dry_run(true)'
    assert print_rule(rule) == "execute[p(x)] :- q(x)"
    assert print_statement(rule) == '@id("A") @dry_run(true)\nexecute[p(x)] :- q(x)'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("p(1)", "p(1)"),
        ("p(x) :- q(x)", "p(x) :-\n  q(x)"),
        ("p(x) :- q(x), not r(x)", "p(x) :-\n  q(x),\n  not r(x)"),
        ("execute[p(x)] :- q(x)", "execute[p(x)] :-\n  q(x)"),
    ],
)
def test_pretty_rules_have_one_line_per_literal(text: str, shown: str) -> None:
    (rule,) = parse(text)
    assert pretty_rule(rule) == shown
    assert parse(shown) == [rule]
