"""What the reference engine answers to questions: from its rows, by the shortest way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from congress_dist.policy.language.ast import (
    Alternatives,
    Atom,
    Body,
    Constant,
    Literal,
    NegatedGroup,
    Rule,
    Truth,
)
from congress_dist.policy.language.builtins import find_call
from congress_dist.policy.language.checks import check_query
from congress_dist.policy.language.diagnostics import Diagnostic, PolicyError, refuse_errors
from congress_dist.policy.language.grammar import parse, parse_query, parse_sequence
from congress_dist.policy.language.printer import print_rule
from congress_dist.policy.planner.normal_form import Match, NormalRule
from congress_dist.policy.planner.normalize import Unresolved, normalize
from congress_dist.policy.planner.program import head_key

from .engine import ReferenceEngine
from .meaning import Reasons, ReferenceRule, most_ways
from .solving import agrees
from .symbols import IdRow

ReportedRow = tuple[str, str, str, str, IdRow]
"""Kind, policy, table, the rule's text, row."""


@dataclass(frozen=True)
class ReferenceAnswer:
    """The rows of a query and what keeps them from being all."""

    rows: frozenset[IdRow]
    missing: Reasons
    most_ways: int
    """A number of rows that no plan can exceed on the way."""


@dataclass(frozen=True)
class ReferenceSimulation:
    """A query's answers before and after a sequence."""

    before: ReferenceAnswer
    after: ReferenceAnswer


def answer(engine: ReferenceEngine, policy: str, text: str) -> ReferenceAnswer:
    """Answer a query. Raises: PolicyError. NotFound: no such policy."""
    engine.refuse_unknown_owner(policy)
    asked = parse_query(text)
    refuse_errors(check_query(policy, asked, engine.program, text=text))
    rule = replace(asked, body=_without_misfits(asked.body or (), policy, engine))
    try:
        normal = normalize(rule, policy, program=engine.program, symbols=engine.symbols)  # type: ignore[arg-type]
    except Unresolved as error:
        raise PolicyError([Diagnostic("unknown-columns", str(error))]) from error
    reads = frozenset(table for each in normal for table in each.reads())
    as_rule = ReferenceRule((policy, ("", "")), rule, head_key(policy, rule), normal, reads)  # type: ignore[arg-type]
    missing: Reasons = {}
    for table in reads:
        for name, reasons in engine.missing(*table).items():
            missing[name] = missing.get(name, set()) | reasons
    rows: Iterable[IdRow] = ()
    if ":-" not in text:
        rows = _rows_asked_for(normal, engine)
    elif not any(engine.missing(*table) for table in as_rule.needs_whole):
        found = as_rule.derive(engine.meaning.rows, engine.symbols)
        rows = as_rule.fold(found, engine.symbols)
    return ReferenceAnswer(frozenset(rows), missing, most_ways(as_rule, engine.meaning))


def with_values(text: str, values: Sequence[str]) -> str:
    """Put the texts of values in the place of each `?`."""
    first, *others = text.split("?")
    return first + "".join(value + rest for value, rest in zip(values, others, strict=True))


def simulate(
    engine: ReferenceEngine, policy: str, query: str, sequence: str
) -> ReferenceSimulation:
    """Carry a sequence of changes out, and take it back. Raises: PolicyError, NotFound."""
    engine.refuse_unknown_owner(policy)
    with engine.trial():
        statements = parse_sequence(sequence)
        before = answer(engine, policy, query)
        for statement in statements:
            for rule in statement:
                _change(engine, policy, rule)
        return ReferenceSimulation(before, answer(engine, policy, query))


def impact(
    engine: ReferenceEngine, operations: Iterable[tuple[str, str, str]]
) -> tuple[set[ReportedRow], set[ReportedRow]]:
    """Give what reports or acts before and after operations. Raises: PolicyError, NotFound."""
    with engine.trial():
        before = _reported(engine)
        for kind, policy, text in operations:
            if kind == "insert":
                engine.insert_rules(policy, parse(text))
            else:
                engine.delete_rules(policy, parse(text))
        return before, _reported(engine)


def _without_misfits(body: Body, policy: str, engine: ReferenceEngine) -> Body:
    """Take what asks for rows of another width than a table has as what holds for none."""
    return tuple(_without_misfit(conjunct, policy, engine) for conjunct in body)


def _without_misfit(conjunct: object, policy: str, engine: ReferenceEngine) -> object:
    if isinstance(conjunct, Alternatives | NegatedGroup):
        bodies = tuple(_without_misfits(body, policy, engine) for body in conjunct.bodies)
        return replace(conjunct, bodies=bodies)
    if isinstance(conjunct, Literal) and _is_misfit(conjunct.atom, policy, engine):
        return Truth(conjunct.negated)
    return conjunct


def _is_misfit(atom: Atom, policy: str, engine: ReferenceEngine) -> bool:
    owner = atom.policy or policy
    if find_call(atom) is not None or any(a.column is not None for a in atom.arguments):
        return False
    width, asked = engine.program.arity(owner, atom.table), len(atom.arguments)
    may_be_narrower = engine.kind(owner) == "datasource"
    return width is not None and (asked > width or (asked < width and not may_be_narrower))


def _rows_asked_for(normal: Iterable[NormalRule], engine: ReferenceEngine) -> Iterable[IdRow]:
    """Give the whole rows of the table that an atom names that agree with it."""
    for rule in normal:
        matches = [literal for literal in rule.body if isinstance(literal, Match)]
        for match in matches:
            rows = engine.meaning.rows.get(match.table, frozenset())
            yield from (row for row in rows if agrees(match.terms, row))


def _change(engine: ReferenceEngine, policy: str, statement: Rule) -> None:
    """Do what `u:p+(x) :- q(x)` says."""
    head = statement.head
    sign, target = head.table[-1], head.policy or policy
    rule = Rule(replace(head, policy=None, table=head.table[:-1]), statement.body)
    row = [a.value.value for a in head.arguments if isinstance(a.value, Constant)]
    if engine.kind(target) == "datasource":
        if not rule.is_fact or len(row) < len(head.arguments):
            raise PolicyError([Diagnostic("rule-in-datasource", "it names no row")])
        rows = {rule.head.table: [row]}
        engine.apply(target, *((rows, {}) if sign == "+" else ({}, rows)))
    elif sign == "+":
        engine.insert_rules(target, [rule])
    else:
        engine.refuse_unknown_owner(target)
        if engine.has_rule(target, rule):
            engine.delete_rules(target, [rule])


def _reported(engine: ReferenceEngine) -> set[ReportedRow]:
    encode, found = engine.symbols.encode, set()
    for policy, rule, table, row in engine.violations():
        found.add(("violation", policy, table, print_rule(rule), encode(row)))
    for (policy, table), rows in engine.meaning.rows.items():
        if table.startswith(("execute[", "ensure[")):
            found |= {("action", policy, table, "", row) for row in rows}
    return found
