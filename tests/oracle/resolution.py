"""What an engine was told, and its rules in normal form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from congress_dist.policy.language.ast import Rule
from congress_dist.policy.language.diagnostics import PolicyError
from congress_dist.policy.language.names import table_name
from congress_dist.policy.language.rule_key import RuleKey
from congress_dist.policy.planner.normal_form import TableKey
from congress_dist.policy.planner.normalize import Unresolved, normalize
from congress_dist.policy.planner.program import Program, body_atoms, head_key

from .meaning import ReferenceRule, RuleName, strata
from .symbols import IdRow, Symbols

NOT_READ = "not read yet"


@dataclass(frozen=True)
class BaseTable:
    """A table of a datasource."""

    columns: tuple[str, ...]
    rows: frozenset[IdRow] = frozenset()
    reason: str | None = NOT_READ
    """Why it is not known; None when it is."""


@dataclass(frozen=True)
class State:
    """Everything that the engine was told. Never changed: a change makes another one."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Mapping[RuleKey, Rule]] = field(default_factory=dict)
    """By policy."""
    base: Mapping[str, Mapping[str, BaseTable]] = field(default_factory=dict)
    """By datasource and table."""
    parked: frozenset[RuleName] = frozenset()


Known = dict[tuple[object, ...], tuple[ReferenceRule, "PolicyError | None"]]


class Resolved:
    """The rules of a state in normal form."""

    def __init__(self, state: State, symbols: Symbols, known: Known | None = None) -> None:
        """`known` are rules in normal form, by what that follows from.

        Raises: what `Program` does for names and kinds.
        """
        self.program = Program()
        self.refused: dict[RuleName, PolicyError] = {}
        self.known: Known = {} if known is None else known
        self._symbols = symbols
        self._rules = state.rules
        for source, tables in state.base.items():
            columns = {name: table.columns for name, table in tables.items()}
            self.program.set_schema(source, columns)
        for policy, kind in state.kinds.items():
            self.program.create_policy(policy, kind)
            for key, rule in state.rules[policy].items():
                self.program.add(policy, rule, key)

    @cached_property
    def facts(self) -> dict[TableKey, set[IdRow]]:
        """The rows of facts by table."""
        facts: dict[TableKey, set[IdRow]] = {}
        for policy, rules in self._rules.items():
            for rule in rules.values():
                if rule.is_fact:
                    facts.setdefault(head_key(policy, rule), set()).add(self.row_of(rule))
        return facts

    @cached_property
    def rules(self) -> list[ReferenceRule]:
        """The rules that are no facts."""
        return [
            self._find((policy, key), rule)
            for policy, rules in self._rules.items()
            for key, rule in rules.items()
            if not rule.is_fact
        ]

    @cached_property
    def order(self) -> list[list[TableKey]]:
        """The strata of the derived tables."""
        return strata(self.rules, self.facts.keys() | {rule.head for rule in self.rules})

    def row_of(self, fact: Rule) -> IdRow:
        """Give the row of a fact."""
        (normal,) = normalize(fact, "", program=self.program, symbols=self._symbols)  # type: ignore[arg-type]
        return normal.terms  # type: ignore[return-value]

    def rule(self, name: RuleName) -> ReferenceRule:
        """Give the rule of a name."""
        return next(rule for rule in self.rules if rule.name == name)

    def running(self) -> set[RuleName]:
        """Give the rules that do not wait for other schemas."""
        return {rule.name for rule in self.rules if not rule.waits_for}

    def _find(self, name: RuleName, rule: Rule) -> ReferenceRule:
        policy, program = name[0], self.program
        atoms = body_atoms(rule.body or ())
        reads = sorted({(atom.policy or policy, atom.table) for atom in atoms})
        seen = [(program.kind(t[0]), program.columns(*t), program.arity(*t)) for t in reads]
        key = (id(rule), policy, program.kind(policy), *seen)
        if key not in self.known:
            self.known[key] = self._resolve(name, rule)
        found, error = self.known[key]
        if error is not None:
            self.refused[name] = error
        return found

    def _resolve(self, name: RuleName, rule: Rule) -> tuple[ReferenceRule, PolicyError | None]:
        policy, head, refusal = name[0], head_key(name[0], rule), None
        try:
            normal = normalize(rule, policy, program=self.program, symbols=self._symbols)  # type: ignore[arg-type]
        except Unresolved as error:
            reasons = error.reasons
        except PolicyError as error:
            reasons, refusal = {table_name(head): error.message}, error
        else:
            reads = frozenset(table for each in normal for table in each.reads())
            return ReferenceRule(name, rule, head, normal, reads), None
        atoms = body_atoms(rule.body or ())
        reads = frozenset((atom.policy or policy, atom.table) for atom in atoms)
        return ReferenceRule(name, rule, head, (), reads, reasons), refusal
