"""Questions: rules that are run against the tables and not kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from congress_dist.errors import InvalidRow
from congress_dist.row import Cell

from .evaluator import Evaluator
from .language.ast import (
    Alternatives,
    Argument,
    Atom,
    Body,
    Conjunct,
    Literal,
    NegatedGroup,
    Rule,
    Truth,
    Variable,
)
from .language.builtins import find_call
from .language.diagnostics import Diagnostic, PolicyError
from .language.policy_kinds import DATASOURCE
from .planner.active_rule import ActiveRule
from .planner.answers import Answer, Failure
from .planner.normal_form import Match, NormalRule, TableKey, Term
from .planner.normalize import Unresolved, normalize
from .planner.program import Program, head_key
from .planner.steps import LimitExceeded
from .planner.symbols import Tuple

_PARAMETERS: TableKey = ("?", "?")
_COLUMNS_HINT = "ask by position, or wait until the table is known"


class Query:
    """A checked question, ready to be asked; good until the program or the meaning of ids changes.

    Shapes: `parameters` are variables whose values come with each call, in this order.
    """

    def __init__(
        self,
        policy: str,
        rule: Rule,
        parameters: Sequence[str],
        *,
        program: Program,
        evaluator: Evaluator,
        warnings: tuple[Diagnostic, ...] = (),
    ) -> None:
        """Plan the question; `warnings` come with its answers.

        Raises: PolicyError: the columns of a table are not known.
        """
        self._evaluator = evaluator
        self._warnings = warnings
        self._active = ActiveRule(policy, rule, head_key(policy, rule), tuple(parameters))
        bound = with_parameters(rule, parameters)
        bound = replace(bound, body=_without_wrong_widths(bound.body or (), policy, program))
        try:
            normal = normalize(bound, policy, program=program, symbols=evaluator.symbols)
        except Unresolved as error:
            raise PolicyError(
                Diagnostic("unknown-columns", f"table {table!r}: {reason}", hint=_COLUMNS_HINT)
                for table, reason in error.reasons.items()
            ) from error
        alternatives = [_without_parameters(each) for each in normal]
        if find_asked_atom(rule) is not None:
            alternatives = [_with_all_columns(each) for each in alternatives]
        self._active.resolve(tuple(alternatives))

    def keep_indexes(self) -> None:
        """Keep what makes repeated questions fast, as long as this one lives."""
        self._evaluator.prepared.add(self._active)

    def ask(self, values: Sequence[Cell] = ()) -> Answer:
        """Give the answer with these values of the parameters.

        Raises: PolicyError: there are too many rows. InvalidRow: no table may hold a value.
        """
        active, evaluator = self._active, self._evaluator
        given = _encoded(values, evaluator)
        active.settle({table: evaluator.missing(table) for table in active.reads})
        try:
            rows = set() if active.is_off else active.derive(evaluator.context, given)
        except LimitExceeded as error:
            message = f"the query is too large: {error}"
            hint = "bind its variables by more conditions"
            raise PolicyError([Diagnostic("too-many-rows", message, hint=hint)]) from error
        finally:
            if active.has_new_plan or active not in evaluator.prepared:
                active.has_new_plan = False
                evaluator.drop_unused_indexes(active.reads)
        decoded = [evaluator.symbols.decode(row) for row in rows]
        failures = tuple(
            Failure(active.policy, active.rule, k.builtin, k.reason, k.count, k.example)
            for k in active.failures()
        )
        return Answer(decoded, active.missing, self._warnings, failures)


def _encoded(values: Sequence[Cell], evaluator: Evaluator) -> Tuple:
    try:
        return evaluator.symbols.encode(values)
    except InvalidRow as error:
        number = error.fields["column"]
        what = f"value {number + 1} of the {len(values)} given for '?' is refused: {error.message}"
        raise InvalidRow(what, column=number) from error


def with_parameters(rule: Rule, parameters: Sequence[str]) -> Rule:
    """Bind the parameters by a table that nobody can name.

    Before: `t(a, y)`; after: `t(a, y), ?:?(a)`.
    """
    if not parameters:
        return rule
    arguments = tuple(Argument(Variable(name)) for name in parameters)
    binding = Literal(Atom(_PARAMETERS[1], arguments, _PARAMETERS[0]))
    return replace(rule, body=(*(rule.body or ()), binding))


def find_asked_atom(rule: Rule) -> Atom | None:
    """Give the atom of a rule that only repeats its head: that is how an atom is asked for."""
    if rule.body is None or len(rule.body) != 1:
        return None
    (literal,) = rule.body
    if not isinstance(literal, Literal) or literal.negated:
        return None
    atom, head = literal.atom, rule.head
    return atom if (atom.table, atom.arguments) == (head.table, head.arguments) else None


def _without_wrong_widths(body: Body, policy: str, program: Program) -> Body:
    """Replace what asks a table for another width than it has: there is no such row.

    Before: `t(x, y, z), not t(x)` of a table with two columns; after: `false, true`.
    """
    replaced: list[Conjunct] = []
    for conjunct in body:
        if isinstance(conjunct, Alternatives | NegatedGroup):
            bodies = (_without_wrong_widths(inner, policy, program) for inner in conjunct.bodies)
            replaced.append(replace(conjunct, bodies=tuple(bodies)))
        elif isinstance(conjunct, Literal) and _has_wrong_width(conjunct.atom, policy, program):
            replaced.append(Truth(conjunct.negated, conjunct.span))
        else:
            replaced.append(conjunct)
    return tuple(replaced)


def _has_wrong_width(atom: Atom, policy: str, program: Program) -> bool:
    if find_call(atom) is not None or any(a.column is not None for a in atom.arguments):
        return False
    owner = atom.policy or policy
    width, used = program.arity(owner, atom.table), len(atom.arguments)
    if width is None or used == width:
        return False
    return used > width or program.kind(owner) != DATASOURCE


def _without_parameters(normal: NormalRule) -> NormalRule:
    """Take the parameters' table out again: values come with each call."""
    body = tuple(
        literal
        for literal in normal.body
        if not (isinstance(literal, Match) and literal.table == _PARAMETERS)
    )
    return replace(normal, body=body)


def _with_all_columns(normal: NormalRule) -> NormalRule:
    """Ask for every column of the one literal, those too that it does not name.

    Before: `t(1, _) :- t(1, _)`; after: `t(1, y) :- t(1, y)`.
    """
    matches = [literal for literal in normal.body if isinstance(literal, Match)]
    if len(matches) != 1:
        return normal
    (asked,) = matches
    terms: tuple[Term, ...] = tuple(
        f"?{column}" if term is None else term for column, term in enumerate(asked.terms)
    )
    body = tuple(
        replace(asked, terms=terms) if literal is asked else literal for literal in normal.body
    )
    return replace(normal, terms=terms, body=body)
