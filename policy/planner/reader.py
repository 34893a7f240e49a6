"""Reads the conjuncts of a rule into normal form: columns by position, expressions as calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from congress_dist.errors import InternalError

from ..language.ast import (
    Alternatives,
    Argument,
    Atom,
    Body,
    Comparison,
    Conjunct,
    Expression,
    Literal,
    Membership,
    NegatedGroup,
    Negative,
    Operation,
    Variable,
    Wildcard,
)
from ..language.ast import Constant as AstConstant
from ..language.builtins import Builtin, find_builtin, find_call
from ..language.counts import counted
from ..language.names import table_name
from ..language.policy_kinds import DATASOURCE
from ..language.walk import variables_of_body
from .normal_form import (
    Call,
    Choice,
    Condition,
    Group,
    Match,
    NormalLiteral,
    TableKey,
    Term,
    bound_by,
    literals_within,
    variables_of,
)
from .program import Program
from .symbols import Symbols

Literals = tuple[NormalLiteral, ...]
Split = Callable[[Iterable[Body]], list[Body]]
"""Multiplies out the alternatives in bodies."""

_BUILTIN_OF = {"+": "plus", "-": "minus", "*": "mul", "/": "div", "%": "mod"}


class BodyReader:
    """Reads the bodies and terms of one rule; `reasons` collects, by table, what is missing."""

    def __init__(self, policy: str, program: Program, symbols: Symbols, split: Split) -> None:
        self.reasons: dict[str, str] = {}
        self._policy = policy
        self._program = program
        self._symbols = symbols
        self._split = split
        self._fresh = 0

    def body(
        self,
        body: Body,
        *,
        outer: Iterable[str] = (),
        extra: Literals = (),
        wanted: Iterable[str] = (),
    ) -> Literals:
        """Give the literals of a body, and those in `extra`.

        Shapes: `outer` are the variables that have their values from outside, `wanted` those that
            the body is to give.
        """
        literals: list[NormalLiteral] = list(extra)
        groups = [conjunct for conjunct in body if isinstance(conjunct, Alternatives)]
        negated = [conjunct for conjunct in body if isinstance(conjunct, NegatedGroup)]
        for conjunct in body:
            if not isinstance(conjunct, NegatedGroup | Alternatives):
                literals += self._conjunct(conjunct)
        if groups:
            outside = {*outer, *wanted}.union(*map(variables_of, literals))
            names = [_names_in(group) for group in groups]
            uses = Counter(chain(*names, *map(_names_in, negated)))
            for group, own in zip(groups, names, strict=True):
                shared = {name for name in own if name in outside or uses[name] > 1}
                literals.append(self._group(group, shared, wanted=shared))
        if negated:
            bound = bound_by(literals, outer)
            literals += [self._group(group, bound) for group in negated]
        return tuple(literals)

    def value(self, expression: Expression) -> tuple[Term, Literals]:
        """Give the term that stands for an expression, with the calls that work it out.

        Before: `x * 2 + 1`; after: `v2` with `mul(x, 2, v1)` and `plus(v1, 1, v2)`.
        """
        calls: list[NormalLiteral] = []
        term = self._value(expression, calls)
        return term, tuple(calls)

    def _value(self, expression: Expression, calls: list[NormalLiteral]) -> Term:
        match expression:
            case Variable(name=name):
                return name
            case Wildcard():
                return None
            case AstConstant(value=value):
                return self._symbols.intern(value)
            case Operation() | Negative():
                term = self._new_variable()
                self._compute(expression, term, calls)
                return term
        raise InternalError(
            f"an expression that was to be refused reached the planner: {expression}"
        )

    def _compute(
        self, expression: Operation | Negative, result: Term, calls: list[NormalLiteral]
    ) -> None:
        """Add the calls after which `result` is the value of an expression."""
        if isinstance(expression, Negative):
            name = "minus"
            inputs = (self._symbols.intern(0), self._value(expression.operand, calls))
        else:
            name = _BUILTIN_OF[expression.operator]
            left = self._value(expression.left, calls)
            inputs = (left, self._value(expression.right, calls))  # type: ignore[assignment]
        calls.append(Call(name, _get_builtin(name).rows, inputs, (result,)))

    def _new_variable(self) -> str:
        self._fresh += 1
        return f"={self._fresh}"

    def _conjunct(self, conjunct: Conjunct) -> Iterator[NormalLiteral]:
        calls: list[NormalLiteral] = []
        match conjunct:
            case Literal(atom=atom, negated=negated):
                builtin = find_call(atom)
                if builtin is not None:
                    calls += self._call(builtin, atom, calls, negated=negated)
                else:
                    key = (atom.policy or self._policy, atom.table)
                    calls.append(Match(key, self._row_of(atom, key, calls), negated))
            case Comparison():
                self._compare(conjunct, calls)
            case Membership(term=term, constants=constants, negated=negated):
                ids = frozenset(self._symbols.intern(constant.value) for constant in constants)
                calls.append(Choice(self._value(term, calls), ids, negated))
            case _:
                what = f"a conjunct that was to be refused reached the planner: {conjunct}"
                raise InternalError(what)
        return (
            literal if literal.origin else replace(literal, origin=conjunct) for literal in calls
        )

    def _compare(self, comparison: Comparison, calls: list[NormalLiteral]) -> None:
        """Add a comparison; one that is `=` with an expression binds or tests the other side."""
        left, right = comparison.left, comparison.right
        if comparison.operator == "=":
            if not isinstance(right, Operation | Negative):
                left, right = right, left
            if isinstance(right, Operation | Negative):
                self._compute(right, self._value(left, calls), calls)
                return
        terms = self._value(left, calls), self._value(right, calls)
        calls.append(Condition(comparison.operator, *terms))

    def _call(
        self, builtin: Builtin, atom: Atom, calls: list[NormalLiteral], *, negated: bool
    ) -> Literals:
        terms = tuple(self._value(argument.value, calls) for argument in atom.arguments)
        inputs, outputs = terms[: len(builtin.inputs)], terms[len(builtin.inputs) :]
        if builtin.reads is None:
            return (Call(builtin.name, builtin.rows, inputs, outputs, negated),)
        # Before: `age_seconds(t, s)`; after: `clock:now(n)` and the call with n and t.
        now = self._new_variable()
        return (
            Match(builtin.reads, (now,)),
            Call(builtin.name, builtin.rows, (now, *inputs), outputs, negated),
        )

    def _group(
        self, group: NegatedGroup | Alternatives, bound: set[str], *, wanted: Iterable[str] = ()
    ) -> Group:
        """Give a group; of the variables that are `bound` outside it shares those that it uses."""
        split = self._split(group.bodies)
        bodies = tuple(self.body(body, outer=bound, wanted=wanted) for body in split)
        used: set[str] = set().union(
            *(variables_of(literal) for body in bodies for literal in literals_within(body))
        )
        shared = tuple(sorted(used & bound))
        return Group(bodies, shared, isinstance(group, NegatedGroup), group)

    def _row_of(self, atom: Atom, key: TableKey, calls: list[NormalLiteral]) -> tuple[Term, ...]:
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
                terms[column] = self._value(argument.value, calls)
        if is_positional and len(atom.arguments) < width and not self._is_datasource(key):
            self._miss(key, self._wrong_width(width, len(atom.arguments)))
        return tuple(terms)

    def _miss(self, key: TableKey, reason: str) -> None:
        self.reasons.setdefault(table_name(key), reason)

    def _is_datasource(self, key: TableKey) -> bool:
        return self._program.kind(key[0]) == DATASOURCE

    def _why_unknown(self, key: TableKey) -> str:
        return self._program.why_unknown(key) or "no rule gives its columns names"

    def _why_not(self, argument: Argument, key: TableKey, width: int) -> str:
        if self._program.arity(*key) is None:
            return self._why_unknown(key)
        if isinstance(argument.column, str):
            return f"it has no column {argument.column!r}"
        return f"it has {counted(width, 'column')}, the rule uses more"

    def _wrong_width(self, width: int, used: int) -> str:
        return f"it has {counted(width, 'column')}, the rule uses {used}"


def _names_in(group: NegatedGroup | Alternatives) -> set[str]:
    return {variable.name for variable in variables_of_body((group,))}


def _get_builtin(name: str) -> Builtin:
    found = find_builtin(name)
    if found is None:
        raise InternalError(f"the builtin {name!r} is not registered")
    return found


def _column_of(argument: Argument, place: int, columns: Sequence[str]) -> int | None:
    if argument.column is None:
        return place
    if isinstance(argument.column, int):
        return argument.column
    return columns.index(argument.column) if argument.column in columns else None
