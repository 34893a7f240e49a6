"""From normal form to what the kernel runs: negated rows, joins, filters, one aggregate step.

Everything else becomes internal tables, which the kernel keeps like any other.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Sequence
from collections.abc import Set as AbstractSet

from .age_tests import index_ages
from .binders import Literals, find_binders, run_order
from .body_parts import cut, set_apart
from .constants import put_constants
from .existence import ask_projections
from .group_tests import as_test, reads_table
from .internal_key import Conjunction, InternalKey
from .internal_tables import InternalTables, Values
from .join_order import UnsafeRule
from .kernel_rules import KernelFold, KernelRule, Lowered, RelationKey, read
from .normal_form import (
    Aggregation,
    Fold,
    Group,
    Match,
    NormalLiteral,
    NormalRule,
    TableKey,
    Term,
)


def lower(
    alternatives: Sequence[NormalRule],
    owner: Hashable,
    *,
    values: Values,
    reports: bool,
    recursive: Container[TableKey] = (),
) -> Lowered:
    """Give what the kernel runs for the alternatives of a rule.

    Before: `p(x) :- q(x), not r(x, _)`; after: `$r(c0) :- r(c0, _)` and
    `p(x) :- q(x), not $r(x)`.

    Shapes: `values` gives the values of constants. A rule that `reports`, or aggregates, gets an
        internal table of its own, which its head copies: rows that are counted cannot stand in a
        recursive table. `recursive` are the tables whose rows may depend on those of the head.
    """
    if not alternatives:
        return Lowered((), {})
    visible = alternatives[0].head
    tables = InternalTables(lambda table: table == visible or table in recursive, values)
    if not reports and alternatives[0].fold is None:
        _add_rules(visible, alternatives, tables)
        return Lowered(tuple(tables.rules), tables.widths)
    own = InternalKey("report", owner)
    tables.widths[own] = _width(alternatives[0])
    _add_rules(own, alternatives, tables)
    terms = tuple(f"c{column}" for column in range(tables.widths[own]))
    copy = KernelRule(visible, terms, (read(own, terms),))
    return Lowered((*tables.rules, copy), tables.widths)


def _width(rule: NormalRule) -> int:
    return len(rule.terms if rule.fold is None else rule.fold.parts)


def _add_rules(
    head: RelationKey, alternatives: Sequence[NormalRule], tables: InternalTables
) -> None:
    fold = alternatives[0].fold
    if fold is not None:
        tables.rules.append(_fold(head, fold, alternatives, tables))
        return
    for rule in alternatives:
        body = _conjunction(rule.terms, rule.body, tables)
        tables.rules.append(KernelRule(head, rule.terms, body))


def _fold(
    head: RelationKey, fold: Fold, alternatives: Sequence[NormalRule], tables: InternalTables
) -> KernelFold:
    """Give the aggregate step, after the tables that it reads.

    Before: `load(h, count(v, n), sum(n)) :- …`; after: `$1(h, v, n) :- …`, `$2(h, n) :- …` and
    the step that counts the rows of `$1` and sums those of `$2`.
    """
    inputs: dict[tuple[InternalKey, int], int] = {}
    parts: list[tuple[str, int]] = []
    for part in fold.parts:
        if isinstance(part, Aggregation):
            columns = (*range(fold.groups), *part.columns)
            rows = [(tuple(rule.terms[n] for n in columns), rule.body) for rule in alternatives]
            conjunctions = [(terms, _conjunction(terms, body, tables)) for terms, body in rows]
            key = tables.define("input", len(columns), conjunctions)
            parts.append((part.function, inputs.setdefault((key, len(columns)), len(inputs))))
        else:
            parts.append(("group", part))
    return KernelFold(head, fold.groups, tuple(inputs), tuple(parts))


def _conjunction(terms: tuple[Term, ...], body: Literals, tables: InternalTables) -> Literals:
    """Lower a body that binds all its variables itself."""
    given: list[NormalLiteral] = []
    groups: list[Group] = []
    absent: list[Match | Group] = []
    put = put_constants(terms, body)
    for literal in dict.fromkeys(put):  # the same literal twice says nothing more
        if isinstance(literal, Match | Group) and literal.negated:
            absent.append(literal)
        elif isinstance(literal, Group):
            groups.append(literal)
        else:
            given.append(literal)
    known = run_order(given)[1]
    while groups:
        given.append(_take_presence(groups, given, known, tables))
        if isinstance(given[-1], Match):  # a test gives nothing a value
            known = run_order(given)[1]
    lowered = list(given)
    for literal in absent:
        lowered.append(_absence(literal, given, tables))  # noqa: PERF401 - a frame less per level
    aged = index_ages(terms, tuple(lowered), tables)
    asked = ask_projections(terms, aged, tables)
    return cut(terms, set_apart(terms, asked, tables), tables)


def _take_presence(
    groups: list[Group],
    outer: Sequence[NormalLiteral],
    known: AbstractSet[str],
    tables: InternalTables,
) -> NormalLiteral:
    """Take out a group of alternatives that can run, and give what takes its place.

    Before: `p(x) :- q(x), (r(x) or s(x))`; after: `$(x) :- r(x)`, `$(x) :- s(x)` and
    `p(x) :- q(x), $(x)`.
    """
    for place, group in enumerate(groups):
        is_test = known >= set(group.shared) and not reads_table(group)
        found = as_test(group) if is_test else _table_of(group, outer, tables)
        if found is not None:
            del groups[place]
            return found
    raise UnsafeRule(f"these groups can never run: {groups}")


def _absence(
    literal: Match | Group, outer: Sequence[NormalLiteral], tables: InternalTables
) -> NormalLiteral:
    """Give what takes the place of a negated literal.

    Before: `p(x) :- q(x), not (r(y), y < x)`; after: `$(x) :- q(x), r(y), y < x` and
    `p(x) :- q(x), not $(x)`.

    Where only tables that depend on the head bind the variables, the group stays a test: else what
    the head lacks would depend on the head.
    """
    if isinstance(literal, Match):
        return tables.without_any(literal)
    if not reads_table(literal):
        return as_test(literal)
    below = [other for other in outer if not tables.depends_on_head(other)]
    return _table_of(literal, below, tables) or as_test(literal)


def _table_of(
    group: Group, outer: Sequence[NormalLiteral], tables: InternalTables
) -> Match | None:
    """Give the literal on the internal table of a group, None when it cannot be one.

    Shapes: `outer` are literals that may bind shared variables that a body of the group does not.
    """
    bodies: list[Literals] = []
    for body in group.bodies:
        binders = find_binders(body, frozenset(group.shared), outer)
        if binders is None:
            return None
        bodies.append((*binders, *body))
    conjunctions: list[Conjunction] = []
    for body in bodies:
        lowered = _conjunction(group.shared, body, tables)
        conjunctions.append((group.shared, lowered))
    key = tables.define("group", len(group.shared), conjunctions)
    return read(key, group.shared, negated=group.negated, origin=group.origin)
