"""What an action does, by the rules of an action policy.

The rules are copied into a policy of their own, where a table without a policy is the action
policy's and the simulated policy's together; that policy goes with the trial.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from congress_dist.row import Cell

from .instance import atom_with, body_with_atoms
from .language.ast import (
    Aggregate,
    Argument,
    Atom,
    Body,
    Constant,
    Expression,
    Literal,
    Rule,
    Variable,
    Wildcard,
)
from .language.bindings import scopes_of
from .language.builtins import find_call
from .language.counts import counted
from .language.printer import print_rule
from .language.walk import parts_of, variables_of
from .planner.answers import Row
from .planner.program import body_atoms

if TYPE_CHECKING:
    from .engine import Engine

_SCRATCH = "?simulation"
_RESULT = "result"
"""The table whose rows an action leaves for the next statement."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A row to be inserted into a table, or deleted from it."""

    policy: str
    table: str
    row: Row
    is_insertion: bool

    def inverse(self) -> Effect:
        """Give the deletion of what is inserted, and the other way round."""
        return replace(self, is_insertion=not self.is_insertion)

    def atom(self) -> Atom:
        """Give the row as an atom of its table."""
        return Atom(self.table, tuple(Argument(Constant(cell)) for cell in self.row))


class ActionEffects:
    """The actions that an action policy declares; used inside of a trial of the engine."""

    def __init__(self, engine: Engine, policy: str, action_policy: str | None) -> None:
        self._engine = engine
        self._policy = policy
        rules = [] if action_policy is None else engine.policy_rules(action_policy)
        self._rules = [rule for rule in rules if rule.modal is None]
        self._declared = {_declared_name(rule) for rule in self._rules} - {None}
        self._own = {rule.head.table for rule in self._rules if rule.head.policy is None}
        self._unbound: list[tuple[Rule, frozenset[str]]] = []
        self._fresh = (f"?{number}" for number in count(1))
        self._results: list[Rule] = []
        self._is_ready = False

    def is_action(self, head: Atom) -> bool:
        """Tell whether the action policy declares an action of this name."""
        return head.policy is None and head.table in self._declared

    def misfit(self, head: Atom) -> str:
        """Tell which width the rules expect of an action that has another; empty: it fits."""
        atoms = [atom for rule in self._rules for atom in body_atoms(rule.body or ())]
        widths = {
            len(atom.arguments)
            for atom in atoms
            if (atom.policy, atom.table) == (None, head.table)
            and all(argument.column is None for argument in atom.arguments)
        }
        if not widths or len(head.arguments) in widths:
            return ""
        expected = " or ".join(counted(width, "argument") for width in sorted(widths))
        return f"the rules read {head.table!r} with {expected}"

    def of(self, statement: Sequence[Rule]) -> list[Effect] | None:
        """Give the effects of actions at once, like `set(1, 5)` or `set(x, 7) :- p(x, 9)`.

        Shapes: the rules have one body; of several bindings the first in the order of their text
            counts; None: there is none. A variable of a head that nothing binds becomes a new
            value.
        """
        self._prepare()
        actions = self._bound(statement)
        if actions is None:
            return None
        engine = self._engine
        called = [*map(Rule, actions), *self._results]
        with engine.trial():
            engine.restore_rules(_SCRATCH, called)
            for rule, names in self._in_order():
                engine.restore_rules(_SCRATCH, self._invented(rule, names))
            effects = list(self._read_effects())
            results = [_fact(_RESULT, row) for row in engine.rows(_SCRATCH, _RESULT)]
        self._results = results
        return effects

    def _prepare(self) -> None:
        """Make the policy in which the rules of the action policy hold."""
        if self._is_ready:
            return
        self._is_ready = True
        self._engine.create_hidden_policy(_SCRATCH, "action")
        for rule in self._rules:
            copy = self._resolved(rule)
            names = _unbound_names(copy)
            if names:
                self._unbound.append((copy, names))
            else:
                self._engine.restore_rules(_SCRATCH, [copy])
        self._bridge()

    def _bridge(self) -> None:
        """Let tables that both policies have be the rows of both."""
        for table in sorted(self._own):
            width = self._engine.width(self._policy, table)
            if width is not None and table[-1] not in "+-":
                arguments = tuple(Argument(Variable(f"x{n}")) for n in range(width))
                body = (Literal(Atom(table, arguments, self._policy)),)
                self._engine.restore_rules(_SCRATCH, [Rule(Atom(table, arguments), body)])

    def _bound(self, statement: Sequence[Rule]) -> list[Atom] | None:
        """Give the actions with values in the place of their variables."""
        heads = [rule.head for rule in statement]
        body = statement[0].body
        if body is None:
            return heads
        self._engine.restore_rules(_SCRATCH, self._results)
        values = [value for head in heads for value in _values(head)]
        names = sorted({v.name for v in variables_of(*values)})
        columns = [*map(Variable, names), *values]  # the variables are for the order
        asked = Atom("?binding", tuple(map(Argument, columns)))
        found = sorted(
            self._engine.ask_rule(_SCRATCH, Rule(asked, self._with_owners(body))), key=repr
        )
        self._engine.withdraw_rules(_SCRATCH, self._results)
        if not found:
            return None
        cells = map(Constant, found[0][len(names) :])
        return [
            replace(head, arguments=tuple(replace(a, value=next(cells)) for a in head.arguments))
            for head in heads
        ]

    def _in_order(self) -> Iterator[tuple[Rule, frozenset[str]]]:
        """Give the rules with unbound variables, each after those on which it rests."""
        waiting = sorted(self._unbound, key=lambda pair: print_rule(pair[0]))
        while waiting:
            heads = {rule.head.table for rule, _ in waiting}
            free = [p for p in waiting if not self._below(p[0]) & (heads - {p[0].head.table})]
            chosen = free[0] if free else waiting[0]
            waiting.remove(chosen)
            yield chosen

    def _below(self, rule: Rule) -> set[str]:
        """Give the tables of the action policy on which a rule rests."""
        found: set[str] = set()
        pending = [rule]
        while pending:
            body = pending.pop().body or ()
            new = {atom.table for atom in body_atoms(body) if atom.policy is None} - found
            found |= new
            pending += [other for other in self._rules if other.head.table in new]
        return found

    def _invented(self, rule: Rule, names: frozenset[str]) -> list[Rule]:
        """Give the rows of a rule, with a new value for each unbound variable of each row."""
        known = sorted({v.name for v in variables_of(*_values(rule.head))} - names)
        asked = Atom("?known", tuple(Argument(Variable(name)) for name in known))
        rows = self._engine.ask_rule(_SCRATCH, Rule(asked, rule.body))
        facts = []
        for row in sorted(rows, key=repr):
            cells: dict[str, Cell] = dict(zip(known, row, strict=True))
            cells |= {name: next(self._fresh) for name in sorted(names)}
            values = {name: Constant(cell) for name, cell in cells.items()}
            facts.append(Rule(atom_with(rule.head, values)))
        return facts

    def _read_effects(self) -> Iterator[Effect]:
        for name in sorted({self._head_name(rule.head) for rule in self._rules}):
            if name[-1] not in "+-":
                continue
            owner, _, table = name[:-1].rpartition(":")
            for row in self._engine.rows(_SCRATCH, name):
                yield Effect(owner or self._policy, table, row, name[-1] == "+")

    def _resolved(self, rule: Rule) -> Rule:
        """Copy a rule of the action policy so that it holds in the policy made here."""
        head = replace(rule.head, policy=None, table=self._head_name(rule.head))
        body = None if rule.body is None else self._with_owners(rule.body)
        return replace(rule, head=head, body=body, annotations=())

    def _head_name(self, head: Atom) -> str:
        return f"{head.policy}:{head.table}" if head.policy else head.table

    def _with_owners(self, body: Body) -> Body:
        """Name the simulated policy before the tables that the action policy does not define."""
        return body_with_atoms(body, self._with_owner)

    def _with_owner(self, atom: Atom) -> Atom:
        if atom.policy is not None or find_call(atom) is not None:
            return atom
        if atom.table in self._own | self._declared or atom.table == _RESULT:
            return atom
        return replace(atom, policy=self._policy)


def _declared_name(rule: Rule) -> str | None:
    """Give the name in a fact like `action("set")`."""
    if rule.head.table == "action" and rule.is_fact and len(rule.head.arguments) == 1:
        value = rule.head.arguments[0].value
        if isinstance(value, Constant) and isinstance(value.value, str):
            return value.value
    return None


def find_unbound(rule: Rule) -> Expression | None:
    """Give a part of a statement's head for which its body has no value."""
    bound = scopes_of(rule.body or ())[0].bound
    for part in parts_of(*_values(rule.head)):
        if isinstance(part, Wildcard | Aggregate):
            return part
        if isinstance(part, Variable) and part.name not in bound:
            return part
    return None


def _unbound_names(rule: Rule) -> frozenset[str]:
    if rule.body is None:
        return frozenset()
    bound = scopes_of(rule.body)[0].bound
    return frozenset(v.name for v in variables_of(*_values(rule.head))) - bound


def _values(atom: Atom) -> list[Expression]:
    return [argument.value for argument in atom.arguments]


def _fact(table: str, row: Row) -> Rule:
    return Rule(Atom(table, tuple(Argument(Constant(cell)) for cell in row)))
