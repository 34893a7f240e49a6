"""From a checked rule to normal form: columns by position, `or` multiplied out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from congress_dist.errors import InternalError

from ..language.ast import (
    Alternatives,
    Argument,
    Atom,
    Body,
    Comparison,
    Conjunct,
    Constant,
    Expression,
    Literal,
    Membership,
    Rule,
    Truth,
    Variable,
    Wildcard,
)
from ..language.builtins import Builtin, find_call
from ..language.diagnostics import Diagnostic, PolicyError
from .join_order import UnsafeRule, refuse_unsafe
from .normal_form import Call, Choice, Condition, Match, NormalLiteral, NormalRule, TableKey, Term
from .program import DATASOURCE, Program, head_key
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

    Raises: Unresolved: a table's columns are unknown or do not fit.
        PolicyError: there are more than `MAX_ALTERNATIVES`.
    """
    reader = _Reader(policy, program, symbols)
    terms = tuple(reader.term(argument.value) for argument in rule.head.arguments)
    head = head_key(policy, rule)
    bodies = _alternatives(rule.body or (), rule)
    normal = [NormalRule(head, terms, reader.body(body)) for body in bodies]
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


def _alternatives(body: Body, rule: Rule) -> list[Body]:
    """Multiply out the alternatives; leave out what is false, drop what is true."""
    choices: list[list[Body]] = []
    for conjunct in body:
        match conjunct:
            case Alternatives(bodies=inner):
                choices.append([part for each in inner for part in _alternatives(each, rule)])
            case Truth(value=value):
                choices.append([()] if value else [])
            case _:
                choices.append([(conjunct,)])
        if _size_of(choices) > MAX_ALTERNATIVES:
            raise _too_many(rule)
    return [tuple(c for part in parts for c in part) for parts in product(*choices)]


def _size_of(choices: Iterable[Sequence[Body]]) -> int:
    size = 1
    for choice in choices:
        size *= max(len(choice), 1)
    return size


class _Reader:
    """Reads the conjuncts of one rule; collects all that is missing."""

    def __init__(self, policy: str, program: Program, symbols: Symbols) -> None:
        self.reasons: dict[str, str] = {}
        self._policy = policy
        self._program = program
        self._symbols = symbols

    def body(self, body: Body) -> tuple[NormalLiteral, ...]:
        return tuple(self._conjunct(conjunct) for conjunct in body)

    def term(self, expression: Expression) -> Term:
        match expression:
            case Variable(name=name):
                return name
            case Wildcard():
                return None
            case Constant(value=value):
                return self._symbols.intern(value)
        raise InternalError(
            f"an expression that was to be refused reached the planner: {expression}"
        )

    def _conjunct(self, conjunct: Conjunct) -> NormalLiteral:
        match conjunct:
            case Literal(atom=atom, negated=negated):
                builtin = find_call(atom)
                if builtin is not None:
                    return self._call(builtin, atom, negated=negated)
                key = (atom.policy or self._policy, atom.table)
                return Match(key, self._row_of(atom, key), negated, conjunct)
            case Comparison(operator=operator, left=left, right=right):
                return Condition(operator, self.term(left), self.term(right))
            case Membership(term=term, constants=constants, negated=negated):
                ids = frozenset(self._symbols.intern(constant.value) for constant in constants)
                return Choice(self.term(term), ids, negated)
        raise InternalError(f"a conjunct that was to be refused reached the planner: {conjunct}")

    def _call(self, builtin: Builtin, atom: Atom, *, negated: bool) -> Call:
        terms = tuple(self.term(argument.value) for argument in atom.arguments)
        inputs = len(builtin.inputs)
        return Call(builtin.name, builtin.solve, terms[:inputs], terms[inputs:], negated)

    def _row_of(self, atom: Atom, key: TableKey) -> tuple[Term, ...]:
        """Give a term for each column of the table; a column that is not named is any value."""
        columns = self._program.columns(*key)
        width = self._program.arity(*key)
        is_positional = all(argument.column is None for argument in atom.arguments)
        if width is None:
            width = len(atom.arguments)
            if not is_positional:
                self._miss(key, self._why_unknown(key))
        terms: list[Term] = [None] * width
        for place, argument in enumerate(atom.arguments):
            column = _column_of(argument, place, columns or ())
            if column is None or column >= width:
                self._miss(key, self._why_not(argument, key, width))
            else:
                terms[column] = self.term(argument.value)
        if is_positional and len(atom.arguments) < width and not self._is_datasource(key):
            self._miss(key, self._wrong_width(width, len(atom.arguments)))
        return tuple(terms)

    def _miss(self, key: TableKey, reason: str) -> None:
        self.reasons.setdefault(f"{key[0]}:{key[1]}", reason)

    def _is_datasource(self, key: TableKey) -> bool:
        return self._program.kind(key[0]) == DATASOURCE

    def _why_unknown(self, key: TableKey) -> str:
        kind = self._program.kind(key[0])
        if kind is None:
            return "no such policy or datasource"
        return "no such table" if kind == DATASOURCE else "no rule gives its columns names"

    def _why_not(self, argument: Argument, key: TableKey, width: int) -> str:
        if self._program.arity(*key) is None:
            return self._why_unknown(key)
        if isinstance(argument.column, str):
            return f"it has no column {argument.column!r}"
        return f"it has {width} columns, the rule uses more"

    def _wrong_width(self, width: int, used: int) -> str:
        return f"it has {width} columns, the rule uses {used}"


def _column_of(argument: Argument, place: int, columns: Sequence[str]) -> int | None:
    if argument.column is None:
        return place
    if isinstance(argument.column, int):
        return argument.column
    return columns.index(argument.column) if argument.column in columns else None


def _too_many(rule: Rule) -> PolicyError:
    return PolicyError(
        [
            Diagnostic(
                "too-many-alternatives",
                f"the rule for {rule.head.table!r} multiplies out to more than"
                f" {MAX_ALTERNATIVES} alternatives",
                source=rule.span.source,
                hint="give a group of alternatives a table of its own, with one rule for each",
            )
        ]
    )
