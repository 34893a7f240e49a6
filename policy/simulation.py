"""What would hold after a sequence of changes and actions; everything is taken back afterwards.

The meaning is Congress's: a statement of the sequence is a change (`p+(1)`, `p-(x) :- q(x)`) or an
action, whose effects the rules of an action policy give as tables `p+` and `p-`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from congress_dist.errors import NotFound
from congress_dist.row import Cell

from .action_effects import ActionEffects, Effect, find_unbound
from .language.ast import Argument, Atom, Constant, Expression, Rule
from .language.diagnostics import Diagnostic, PolicyError
from .language.grammar import parse_query, parse_sequence
from .language.places import line_starts_of, place_of
from .language.policy_kinds import DATASOURCE
from .language.printer import print_conjunct, print_head, print_rule
from .planner.active_rule import Missing
from .planner.answers import Row
from .row_order import row_order

if TYPE_CHECKING:
    from .engine import Engine


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a query gives after a sequence, compared with before it.

    Shapes: rows in no order, each once; `result` is the same as facts, sorted: `t(1)`, and where
        only the difference was asked for `t+(1)`, `t-(2)`; `trace` tells what each statement did.
    """

    rows: list[Row]
    appeared: list[Row]
    disappeared: list[Row]
    missing: Missing
    trace: tuple[str, ...]
    result: tuple[str, ...]


class Simulator:
    """Carries out one sequence; used inside of a trial of its engine."""

    def __init__(self, engine: Engine, policy: str, action_policy: str | None) -> None:
        self._engine = engine
        self._policy = policy
        self._effects = ActionEffects(engine, policy, action_policy)
        self._trace: list[str] = []

    def run(self, query: str, sequence: str, *, delta: bool) -> Simulation:
        """Answer a query before and after a sequence; `delta`: the result is the difference.

        Raises: PolicyError: a text, a change that is refused, or a statement that is neither a
            change nor an action. NotFound: a policy or table to be changed does not exist.
        """
        statements = parse_sequence(sequence)
        before = self._engine.answer(self._policy, query)
        for statement in statements:
            self._carry_out(statement, sequence)
        after = self._engine.answer(self._policy, query)
        old, new = _by_type(before.rows), _by_type(after.rows)
        appeared = [row for key, row in new.items() if key not in old]
        disappeared = [row for key, row in old.items() if key not in new]
        table = parse_query(query).head.table
        if delta:
            result = _facts(f"{table}+", appeared) + _facts(f"{table}-", disappeared)
        else:
            result = _facts(table, after.rows)
        trace = tuple(self._trace)
        return Simulation(after.rows, appeared, disappeared, after.missing, trace, result)

    def _carry_out(self, statement: Sequence[Rule], text: str) -> None:
        """Do the changes of a statement, then its actions at once."""
        changes = [rule for rule in statement if not rule.modal and rule.head.table[-1] in "+-"]
        actions = [rule for rule in statement if rule not in changes]
        for rule in actions:
            if rule.modal or not self._effects.is_action(rule.head):
                raise _neither(rule, text)
            unbound = find_unbound(rule)
            if unbound is not None:
                raise _placed(_without_value(rule, unbound), rule, text)
        for rule in changes:
            try:
                self._change(rule)
            except PolicyError as error:
                raise _placed(error, rule, text) from error
        if actions:
            try:
                self._act(actions)
            except PolicyError as error:
                raise _placed(error, actions[0], text) from error

    def _act(self, actions: Sequence[Rule]) -> None:
        what = ", ".join([*map(print_head, actions[:-1]), print_rule(actions[-1])])
        effects = self._effects.of(actions)
        misfits = [said for rule in actions if (said := self._effects.misfit(rule.head))]
        if effects is None:
            self._note(f"{what}: no binding, nothing done")
        elif not effects and misfits:
            self._note(f"{what}: no effect, as {', '.join(misfits)}")
        else:
            self._apply(what, effects)

    def _change(self, statement: Rule) -> None:
        """Insert or delete what a statement like `u:p+(x) :- q(x)` says."""
        head = statement.head
        target = head.policy or self._policy
        plain = replace(statement, head=replace(head, policy=None, table=head.table[:-1]))
        if statement.is_fact:
            row = tuple(a.value.value for a in head.arguments if isinstance(a.value, Constant))
            effect = Effect(target, plain.head.table, row, head.table[-1] == "+")
            if len(row) == len(head.arguments):
                self._apply(print_rule(statement), [effect])
                return
        if self._engine.kind(target) == DATASOURCE:
            raise PolicyError([_without_place(statement, target)])
        if head.table[-1] == "+":
            self._engine.insert_rules(target, [plain])
        else:
            self._delete(target, plain)
        self._note(print_rule(statement))

    def _apply(self, what: str, effects: Iterable[Effect]) -> None:
        """Delete and insert rows; of a row that is both, the insertion wins."""
        inserted = dict.fromkeys(effect for effect in effects if effect.is_insertion)
        undone = {effect.inverse() for effect in inserted}
        deleted = [e for e in dict.fromkeys(effects) if not e.is_insertion and e not in undone]
        for effect in (*deleted, *inserted):
            self._apply_one(effect)
        done = [f"{'+' if e.is_insertion else '-'}{_shown(e)}" for e in (*deleted, *inserted)]
        self._note(f"{what}: {', '.join(done) or 'no effect'}")

    def _apply_one(self, effect: Effect) -> None:
        if self._engine.kind(effect.policy) == DATASOURCE:
            rows = {effect.table: [effect.row]}
            if effect.is_insertion:
                self._engine.apply(effect.policy, added=rows)
            else:
                self._engine.apply(effect.policy, removed=rows)
            return
        fact = Rule(effect.atom())
        if effect.is_insertion:
            self._engine.insert_rules(effect.policy, [fact])
        else:
            self._delete(effect.policy, fact)

    def _delete(self, policy: str, rule: Rule) -> None:
        if self._engine.kind(policy) is None:
            raise NotFound(f"there is no policy or datasource {policy!r}", policy=policy)
        if self._engine.has_rule(policy, rule):
            self._engine.delete_rules(policy, [rule])

    def _note(self, line: str) -> None:
        self._trace.append(line)


def _by_type(rows: Sequence[Row]) -> dict[tuple[tuple[type, Cell], ...], Row]:
    return {tuple((type(cell), cell) for cell in row): row for row in rows}


def _facts(table: str, rows: Iterable[Row]) -> tuple[str, ...]:
    atoms = (
        Atom(table, tuple(Argument(Constant(cell)) for cell in row))
        for row in sorted(rows, key=row_order)
    )
    return tuple(map(print_conjunct, atoms))


def _shown(effect: Effect) -> str:
    return print_conjunct(replace(effect.atom(), policy=effect.policy))


def _without_place(statement: Rule, source: str) -> Diagnostic:
    return Diagnostic(
        "simulation" if statement.body is None else "rule-in-datasource",
        f"{source!r} is a datasource; {print_rule(statement)} names no row of it",
        hint='give rows of datasources one by one, with a value for each column: p+(1, "a")',
    )


def _without_value(statement: Rule, part: Expression) -> PolicyError:
    what = f"the action {print_head(statement)} has no value for {print_conjunct(part)!r}"
    hint = 'give it one, go("a"), or a condition that binds it, go(x) :- table(x)'
    return PolicyError([Diagnostic("simulation", what, hint=hint)])


def _placed(error: PolicyError, statement: Rule, text: str) -> PolicyError:
    """Give findings without a place that of the statement that they are about."""
    place = place_of(text, statement.span, line_starts=line_starts_of(text))
    return PolicyError(
        found if found.line else replace(found, source="<sequence>", **place._asdict())
        for found in error.diagnostics
    )


def _neither(statement: Rule, text: str) -> PolicyError:
    place = place_of(text, statement.span, line_starts=line_starts_of(text))
    return PolicyError(
        [
            Diagnostic(
                "simulation",
                f"the sequence has a statement that is neither an action nor a change:"
                f" {print_rule(statement)}",
                note='an action is declared in the action policy as action("name")',
                hint="write p+(…) to insert and p-(…) to delete",
                source="<sequence>",
                **place._asdict(),
            )
        ]
    )
