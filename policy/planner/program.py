"""What is written down: policies with their rules, datasources with their columns. No rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from congress_dist.errors import Conflict, InvalidRequest, NotFound
from congress_dist.schema import Column, TableSchema

from ..language.ast import Argument, Atom, Body, Conjunct, Literal, Rule, Variable, Wildcard
from ..language.builtins import find_call
from ..language.walk import literals_of
from .journal import Journal
from .normal_form import TableKey

T = TypeVar("T")

RuleKey = tuple[str | None, Atom, bool, frozenset[tuple[Conjunct, int]]]
"""What makes two rules of a policy one: head and body, whose order does not matter."""

KINDS = {
    "nonrecursive": "nonrecursive",
    "recursive": "recursive",
    "materialized": "recursive",
    "z3": "recursive",
    "action": "action",
    "database": "database",
}
"""The kinds that a policy can be created with, and what they are called inside."""

DATASOURCE = "datasource"


@dataclass(slots=True)
class Policy:
    """A module of rules."""

    kind: str
    rules: dict[RuleKey, Rule] = field(default_factory=dict)


class Program:
    """All rules of all policies, and the columns of all datasources.

    Promises: a method that raises has changed nothing.
    """

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = Journal() if journal is None else journal
        self.version = 0
        """Grows when rules, policies or schemas change."""
        self._policies: dict[str, Policy] = {}
        self._schemas: dict[str, dict[str, tuple[str, ...]]] = {}
        self._typed: dict[str, dict[str, tuple[Column, ...]]] = {}
        self._names: defaultdict[TableKey, list[Counter[str]]] = defaultdict(list)
        self._uses: defaultdict[TableKey, Counter[int]] = defaultdict(Counter)
        self._heads: Counter[TableKey] = Counter()

    def kind(self, policy: str) -> str | None:
        """Give a policy's kind, `datasource` for a datasource, None for what does not exist."""
        found = self._policies.get(policy)
        if found is not None:
            return found.kind
        return DATASOURCE if policy in self._schemas else None

    def columns(self, policy: str, table: str) -> tuple[str, ...] | None:
        """Give the columns' names, by schema or by the heads; None when unknown.

        Shapes: a column on whose name the heads do not agree is Col0, Col1, …
        """
        schema = self._schemas.get(policy)
        if schema is not None and table in schema:
            return schema[table]
        key = (policy, table)
        if key not in self._heads:
            return None
        return tuple(
            next(iter(names)) if len(names) == 1 else f"Col{number}"
            for number, names in enumerate(self._names[key])
        )

    def typed_columns(self, policy: str, table: str) -> tuple[Column, ...] | None:
        """Give the columns of a datasource's table with their types; None when unknown."""
        return self._typed.get(policy, {}).get(table)

    def arity(self, policy: str, table: str) -> int | None:
        """Give the number of columns, by schema or by rules; None when unknown."""
        columns = self.columns(policy, table)
        if columns is not None:
            return len(columns)
        if policy not in self._policies:
            return None
        return next(iter(self._uses.get((policy, table), ())), None)

    def rules(self) -> Iterator[tuple[str, Rule]]:
        """Give every rule with its policy."""
        for name, policy in self._policies.items():
            for rule in policy.rules.values():
                yield name, rule

    def rules_of(self, policy: str) -> list[Rule]:
        """Give the rules of a policy. Raises: NotFound."""
        return list(self._policy(policy).rules.values())

    def tables_of(self, owner: str) -> list[str]:
        """Give the tables of a datasource, or those that a policy's rules name.

        Raises: NotFound.
        """
        if owner in self._schemas:
            return sorted(self._schemas[owner])
        self._policy(owner)
        used = {
            table for policy, table in self._uses if policy == owner and self._uses[policy, table]
        }
        return sorted(used.union(table for policy, table in self._heads if policy == owner))

    def owners(self) -> list[str]:
        """Give the names of all policies and datasources."""
        return sorted([*self._policies, *self._schemas])

    def create_policy(self, name: str, kind: str) -> None:
        """Add an empty policy.

        Raises: Conflict: the name is taken. InvalidRequest: no such kind.
        """
        if kind not in KINDS:
            known = ", ".join(sorted(KINDS))
            raise InvalidRequest(f"there is no policy kind {kind!r}; kinds are {known}", kind=kind)
        if self.kind(name) is not None:
            raise Conflict(f"a policy or datasource {name!r} exists already", policy=name)
        self.touch()
        self._journal.put(self._policies, name, Policy(KINDS[kind]))

    def delete_policy(self, name: str) -> None:
        """Take a policy away whose rules are all gone. Raises: NotFound."""
        self._policy(name)
        self.touch()
        self._journal.drop(self._policies, name)

    def set_schema(self, source: str, tables: Mapping[str, Sequence[str] | TableSchema]) -> None:
        """Tell which tables and columns a datasource has.

        Raises: Conflict: `source` is a policy.
        """
        if source in self._policies:
            raise Conflict(f"{source!r} is a policy, not a datasource", policy=source)
        columns_by_table = {
            table: columns.names if isinstance(columns, TableSchema) else tuple(columns)
            for table, columns in tables.items()
        }
        typed = {
            table: columns.columns
            for table, columns in tables.items()
            if isinstance(columns, TableSchema)
        }
        self.touch()
        self._journal.put(self._schemas, source, columns_by_table)
        self._journal.put(self._typed, source, typed)

    def schema(self, source: str) -> dict[str, tuple[str, ...]]:
        """Give the tables of a datasource with their columns; empty for an unknown one."""
        return dict(self._schemas.get(source, {}))

    def remove_source(self, source: str) -> None:
        """Forget a datasource. Raises: NotFound."""
        if source not in self._schemas:
            raise NotFound(f"there is no datasource {source!r}", datasource=source)
        self.touch()
        self._journal.drop(self._schemas, source)
        self._journal.drop(self._typed, source)

    def find(self, policy: str, rule: Rule) -> Rule | None:
        """Give the rule of a policy that is the same as `rule`, with its own annotations.

        Raises: NotFound.
        """
        return self._policy(policy).rules.get(rule_key(rule))

    def add(self, policy: str, rule: Rule) -> None:
        """Add a rule that is not there yet. Raises: NotFound: no such policy."""
        self.touch()
        self._journal.put(self._policy(policy).rules, rule_key(rule), rule)
        self._count(policy, rule, 1)
        self._journal.note(lambda: self._count(policy, rule, -1))

    def remove(self, policy: str, rule: Rule) -> None:
        """Take a rule away that is there."""
        self.touch()
        self._journal.drop(self._policy(policy).rules, rule_key(rule))
        self._count(policy, rule, -1)
        self._journal.note(lambda: self._count(policy, rule, 1))

    def replace(self, policy: str, rule: Rule) -> None:
        """Put a rule in the place of the same rule with other annotations."""
        self._journal.put(self._policy(policy).rules, rule_key(rule), rule)

    def touch(self) -> None:
        """Take that something is not what it was, by a rollback for instance."""
        self.version += 1

    def _policy(self, name: str) -> Policy:
        if name not in self._policies:
            raise NotFound(f"there is no policy {name!r}", policy=name)
        return self._policies[name]

    def _count(self, policy: str, rule: Rule, step: int) -> None:
        head = head_key(policy, rule)
        self._heads[head] += step
        names = self._names[head]
        for number, argument in enumerate(rule.head.arguments):
            if number == len(names):
                names.append(Counter())
            if isinstance(argument.value, Variable):
                _step(names[number], argument.value.name, step)
        for atom in body_atoms(rule.body or ()):
            if all(argument.column is None for argument in atom.arguments):
                uses = self._uses[atom.policy or policy, atom.table]
                _step(uses, len(atom.arguments), step)
        if not self._heads[head]:
            del self._heads[head], self._names[head]


def rule_key(rule: Rule) -> RuleKey:
    """Give what makes two rules of a policy the same."""
    body = Counter(rule.body or ())
    return rule.modal, rule.head, rule.body is None, frozenset(body.items())


def head_key(policy: str, rule: Rule) -> TableKey:
    """Give the table that a rule derives; an action has one table over all policies."""
    owner = rule.head.policy or policy
    table = f"{rule.modal}[{rule.head.table}]" if rule.modal else rule.head.table
    return owner, table


def body_atoms(body: Body) -> Iterator[Atom]:
    """Give every atom of a body that reads a table, those in brackets too.

    Shapes: of the calls of builtins only those that ask for the time read a table, the clock's.
    """
    for conjunct in literals_of(body):
        if isinstance(conjunct, Literal):
            builtin = find_call(conjunct.atom)
            if builtin is None:
                yield conjunct.atom
            elif builtin.reads is not None:
                owner, table = builtin.reads
                yield Atom(table, (Argument(Wildcard()),), owner)


def _step(counter: Counter[T], name: T, step: int) -> None:
    counter[name] += step
    if not counter[name]:
        del counter[name]
