"""From a checked rule to normal form: `or` multiplied out, aggregates apart from their groups."""

from __future__ import annotations

from ..language.ast import Aggregate, Rule
from .alternatives import Splitter
from .join_order import UnsafeRule, refuse_unsafe
from .normal_form import Aggregation, Fold, NormalLiteral, NormalRule, Term
from .program import Program, head_key
from .reader import BodyReader
from .symbols import Symbols


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

    Shapes: where these would be too many, groups of alternatives stay what they are.
    Raises: Unresolved: a table's columns are unknown or do not fit.
        PolicyError: there are too many alternatives.
    """
    split = Splitter(rule).split
    reader = BodyReader(
        policy, program, symbols, lambda bodies: [p for b in bodies for p in split(b)]
    )
    terms, fold, extra = _read_head(rule, reader)
    head = head_key(policy, rule)
    wanted = {term for term in terms if isinstance(term, str)}
    normal = [
        NormalRule(head, terms, reader.body(body, extra=extra, wanted=wanted), fold)
        for body in split(rule.body or ())
    ]
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
