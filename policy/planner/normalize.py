"""From a checked rule to normal form: `or` multiplied out, aggregates apart from their groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from ..language.ast import Aggregate, Alternatives, Body, Conjunct, Rule, Truth
from ..language.bindings import scopes_of
from ..language.diagnostics import Diagnostic, PolicyError
from ..language.walk import conjuncts_of, expressions_of, variables_of
from .join_order import UnsafeRule, refuse_unsafe
from .normal_form import Aggregation, Fold, NormalLiteral, NormalRule, Term
from .program import Program, head_key
from .reader import BodyReader
from .symbols import Symbols

MAX_ALTERNATIVES = 16
"""Alternatives that a rule may multiply out to."""


class Unresolved(Exception):
    """A rule cannot run with the schemas known now; `reasons` tells why, by table."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__(reasons)
        self.reasons = reasons


def normalize(
    rule: Rule, policy: str, *, program: Program, symbols: Symbols
) -> tuple[NormalRule, ...]:
    """Give the normal forms of a rule, one for each alternative.

    Before: `p(x) :- q(x), (r(x) or x = 1)`; after: `p(x) :- q(x), r(x)` and `p(x) :- q(x), x = 1`.

    Shapes: beyond `MAX_ALTERNATIVES` groups of alternatives stay what they are, filters.
    Raises: Unresolved: a table's columns are unknown or do not fit.
        PolicyError: a filter would have to give values to a variable.
    """
    reader = BodyReader(
        policy, program, symbols, lambda bodies: [p for b in bodies for p in _split(b, rule)]
    )
    terms, fold, extra = _read_head(rule, reader)
    head = head_key(policy, rule)
    bodies = _split(rule.body or (), rule)
    normal = [NormalRule(head, terms, reader.body(body, extra=extra), fold) for body in bodies]
    if reader.reasons:
        raise Unresolved(reader.reasons)
    try:
        for alternative in normal:
            refuse_unsafe(alternative)
    except UnsafeRule:
        if program.kind(policy) != "action":
            raise
        return ()  # it describes what an action does; as a table it has no rows
    return tuple(normal)


def _read_head(
    rule: Rule, reader: BodyReader
) -> tuple[tuple[Term, ...], Fold | None, tuple[NormalLiteral, ...]]:
    """Give what the body is to give, how to fold it, and what computes arguments of the head.

    Before: `load(h, "vm", count(v, n))`; after: the terms `h, "vm", v, n`, of which two are the
    group, and the head's parts: column 0, column 1, count of columns 2 and 3.
    """
    values = [argument.value for argument in rule.head.arguments]
    terms: list[Term] = []
    extra: list[NormalLiteral] = []
    for value in values:
        if not isinstance(value, Aggregate):
            term, calls = reader.value(value)
            terms.append(term)
            extra += calls
    groups = len(terms)
    if groups == len(values):
        return tuple(terms), None, tuple(extra)
    columns_of_groups = iter(range(groups))
    parts: list[int | Aggregation] = []
    for value in values:
        if isinstance(value, Aggregate):
            start = len(terms)
            terms += [variable.name for variable in value.variables]
            parts.append(Aggregation(value.function, tuple(range(start, len(terms)))))
        else:
            parts.append(next(columns_of_groups))
    return tuple(terms), Fold(groups, tuple(parts)), tuple(extra)


def _split(body: Body, rule: Rule) -> list[Body]:
    """Multiply out the alternatives; leave out what is false, drop what is true.

    Where that would be too many, groups that give no values to others are left whole.
    """
    if any(isinstance(conjunct, Truth) and not conjunct.value for conjunct in body):
        return []
    plain = tuple(c for c in body if not isinstance(c, Alternatives | Truth))
    groups = [conjunct for conjunct in body if isinstance(conjunct, Alternatives)]
    choices = [[part for each in group.bodies for part in _split(each, rule)] for group in groups]
    if _size_of(choices) > MAX_ALTERNATIVES:
        filters = [_gives_nothing(group, body, plain, rule) for group in groups]
        pairs = list(zip(choices, groups, filters, strict=True))
        choices = [choice for choice, _, is_filter in pairs if not is_filter]
        smallest = sorted((p for p in pairs if p[2]), key=lambda pair: len(pair[0]))
        for choice, group, _ in smallest:
            fits = _size_of([*choices, choice]) <= MAX_ALTERNATIVES
            choices.append(choice if fits else [(group,)])
        if _size_of(choices) > MAX_ALTERNATIVES:
            raise _too_many(rule)
    return [(*plain, *(c for part in parts for c in part)) for parts in product(*choices)]


def _gives_nothing(group: Alternatives, body: Body, plain: Body, rule: Rule) -> bool:
    """Tell whether every variable that a group shares with the rest has its values from there."""
    elsewhere = {v.name for argument in rule.head.arguments for v in variables_of(argument.value)}
    elsewhere = elsewhere.union(*(_names_in(c) for c in body if c is not group))
    return _names_in(group) & elsewhere <= scopes_of(plain)[0].bound


def _names_in(conjunct: Conjunct) -> set[str]:
    inside = (inner for inner, _ in conjuncts_of((conjunct,)))
    return {v.name for inner in inside for v in variables_of(*expressions_of(inner))}


def _size_of(choices: Iterable[Sequence[Body]]) -> int:
    size = 1
    for choice in choices:
        size *= max(len(choice), 1)
    return size


def _too_many(rule: Rule) -> PolicyError:
    return PolicyError(
        [
            Diagnostic(
                "too-many-alternatives",
                f"the rule for {rule.head.table!r} multiplies out to more than"
                f" {MAX_ALTERNATIVES} alternatives",
                source=rule.span.source,
                note="only groups whose variables other conditions bind are not multiplied out",
                hint="give a group of alternatives a table of its own, with one rule for each",
            )
        ]
    )
