"""Questions: rules that are run against the tables and not kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from congress_dist.errors import InvalidRow
from congress_dist.row import Cell

from .evaluator import Evaluator
from .kernel import LimitExceeded, PreparedQuery, Stopped
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
from .language.names import table_name
from .language.places import placed
from .language.policy_kinds import DATASOURCE
from .language.printer import print_rule
from .planner.active_rule import ActiveRule
from .planner.answers import Answer, Failure, Row
from .planner.join_order import order_body
from .planner.kernel_face import AdHocPlan
from .planner.kernel_program import TooManyColumns
from .planner.normal_form import (
    Condition,
    Match,
    NormalRule,
    TableKey,
    Term,
    constants_in,
)
from .planner.normalize import Unresolved, normalize
from .planner.program import Program, body_atoms, head_key
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
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """Plan the question; `warnings` come with its answers.

        Shapes: `texts` are what it was read from, by the sources of its spans.
        Raises: PolicyError: the columns of a table are not known.
        """
        self._evaluator = evaluator
        self._warnings = warnings
        self._parameters = tuple(parameters)
        self._active = ActiveRule(policy, rule, head_key(policy, rule))
        bound = with_parameters(rule, parameters)
        bound = replace(bound, body=_without_wrong_widths(bound.body or (), policy, program))
        normal = _normal(bound, policy, program, evaluator, texts or {})
        alternatives = [_without_parameters(each) for each in normal]
        if find_asked_atom(rule) is not None:
            alternatives = [_with_all_columns(each) for each in alternatives]
        hold = evaluator.symbols.hold(constants_in(alternatives))
        self._active.resolve(tuple(alternatives), hold)
        self._matches = [match for each in alternatives for match in each.matches()]
        self._plans: list[AdHocPlan] = []
        self._footings: tuple[tuple[int | None, int], ...] | None = None

    def ask(self, values: Sequence[Cell] = ()) -> Answer:
        """Give the answer with these values of the parameters.

        Raises: PolicyError: there are too many rows. InvalidRow: no table may hold a value.
        """
        active, evaluator = self._active, self._evaluator
        given = _encoded(values, evaluator)
        active.settle({table: evaluator.missing(table) for table in active.reads})
        try:
            with refusing_too_large("the query"):
                rows = [] if active.is_off else self._rows(given)
        except Stopped as error:
            raise type(error)(*error.args, print_rule(active.rule)) from error
        failures = () if active.is_off else self._failures()
        return Answer(rows, active.missing, self._warnings, failures)

    def let_answer(self, prepared: PreparedQuery) -> None:
        """Let one plan answer, if one gives all answers as long as the same is known."""
        if self._active.is_off or len(self._plans) != 1:
            prepared.adopt(None)
        else:
            self._plans[0].let_answer(prepared)

    def _rows(self, given: Tuple) -> list[Row]:
        alternatives = self._active.alternatives
        if any(rule.fold is not None for rule in alternatives):
            return self._folded(given)
        self._plan()
        if len(self._plans) == 1:
            return self._plans[0].rows(given)
        ids = {row: None for plan in self._plans for row in plan.ids(given)}
        return [self._evaluator.symbols.decode(row) for row in ids]

    def _plan(self) -> None:
        """Plan each alternative, anew when tables have other sizes, or came or went."""
        face = self._evaluator.face
        footings = tuple(face.footing(match.table, len(match.terms)) for match in self._matches)
        if footings == self._footings:
            return
        self._footings = footings
        self._plans = []
        for rule in self._active.alternatives:
            body = order_body(rule, face.fan_out, bound=frozenset(self._parameters))
            self._plans.append(face.plan(body, rule.terms, given=self._parameters))

    def _folded(self, given: Tuple) -> list[Row]:
        """Derive it like a rule, with the values of the parameters as conditions."""
        bound = tuple(
            Condition("=", name, value)
            for name, value in zip(self._parameters, given, strict=True)
        )
        rules = [replace(rule, body=(*bound, *rule.body)) for rule in self._active.alternatives]
        return [self._evaluator.symbols.decode(row) for row in self._evaluator.derive(rules)]

    def _failures(self) -> tuple[Failure, ...]:
        """Give the calls that failed in the last answer."""
        active = self._active
        return tuple(
            Failure(active.policy, active.rule, *failure)
            for plan in self._plans
            for failure in plan.failures()
        )


def _normal(
    rule: Rule, policy: str, program: Program, evaluator: Evaluator, texts: Mapping[str, str]
) -> tuple[NormalRule, ...]:
    """Give the normal forms of a question. Raises: PolicyError, with a place where it can."""
    try:
        return normalize(rule, policy, program=program, symbols=evaluator.symbols)
    except Unresolved as error:
        spans = {
            table_name((atom.policy or policy, atom.table)): atom.span
            for atom in body_atoms(rule.body or ())
        }
        raise PolicyError(
            placed(
                Diagnostic("unknown-columns", f"table {table!r}: {reason}", hint=_COLUMNS_HINT),
                spans.get(table, rule.head.span),
                texts,
            )
            for table, reason in error.reasons.items()
        ) from error
    except PolicyError as error:
        found = (placed(each, rule.head.span, texts) for each in error.diagnostics)
        raise PolicyError(found) from error


@contextmanager
def refusing_too_large(what: str) -> Iterator[None]:
    """Tell by a diagnostic that a question crossed a limit of the kernel. Raises: PolicyError."""
    try:
        yield
    except (LimitExceeded, TooManyColumns) as error:
        message = f"{what} is too large: {error.args[0]}"
        hint = "bind its variables by more conditions"
        raise PolicyError([Diagnostic("too-many-rows", message, hint=hint)]) from error


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
