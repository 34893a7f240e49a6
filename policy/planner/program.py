"""What is written down: policies with their rules, datasources with their columns. No rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from congress_dist.errors import Conflict, InvalidRequest, NotFound
from congress_dist.schema import Column, TableSchema

from ..language.ast import Argument, Atom, Body, Literal, Rule, Variable, Wildcard
from ..language.builtins import find_call
from ..language.names import column_name, refuse_owner_name, refuse_table_names
from ..language.policy_kinds import DATASOURCE, KINDS
from ..language.rule_key import RuleKey, rule_key
from ..language.walk import literals_of
from .journal import Journal
from .normal_form import TableKey
from .rule_index import RuleIndex

T = TypeVar("T")


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
        self._defined: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._deriving: RuleIndex[TableKey] = RuleIndex()
        self._reading: RuleIndex[TableKey] = RuleIndex()
        self._identified: RuleIndex[tuple[str, object]] = RuleIndex()

    def kind(self, policy: str) -> str | None:
        """Give a policy's kind, `datasource` for a datasource, None for what does not exist."""
        found = self._policies.get(policy)
        if found is not None:
            return found.kind
        return DATASOURCE if policy in self._schemas else None

    def why_unknown(self, table: TableKey) -> str | None:
        """Give why a table that is neither given nor derived is not known; None: it is empty."""
        kind = self.kind(table[0])
        if kind is None:
            return "no such policy or datasource"
        return "no such table" if kind == DATASOURCE else None

    def refuse_unknown(self, owner: str) -> None:
        """Make sure that there is a policy or datasource. Raises: NotFound."""
        if self.kind(owner) is None:
            raise NotFound(f"there is no policy or datasource {owner!r}", policy=owner)

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
            next(iter(names)) if len(names) == 1 else column_name(number)
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

    def keyed_rules_of(self, policy: str) -> dict[RuleKey, Rule]:
        """Give the rules of a policy by their keys. Raises: NotFound."""
        return dict(self._policy(policy).rules)

    def deriving(self, table: TableKey) -> Iterable[tuple[str, Rule]]:
        """Give the rules that derive a table, each with its policy; facts are none."""
        return self._deriving.get(table)

    def reading(self, table: TableKey) -> Iterable[tuple[str, Rule]]:
        """Give the rules that read a table, each with its policy."""
        return self._reading.get(table)

    def identified(self, policy: str, identity: object) -> Iterable[tuple[str, Rule]]:
        """Give the rules of a policy with an `@id`."""
        return self._identified.get((policy, identity))

    def policies(self) -> list[str]:
        """Give the names of the policies."""
        return list(self._policies)

    def defined(self, policy: str) -> Iterable[str]:
        """Give the tables of a policy that have rules or facts."""
        return self._defined.get(policy, ())

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

        Raises: Conflict: `source` is a policy. InvalidRequest: no rule could name the datasource
            or one of its tables so, or columns cannot be told apart.
        """
        refuse_owner_name(source, "a datasource")
        if not isinstance(tables, Mapping):
            what = f"the tables of {source!r} are {tables!r:.60}"
            raise InvalidRequest(f"{what}; expected a mapping from each table to its columns")
        if source in self._policies:
            raise Conflict(f"{source!r} is a policy, not a datasource", policy=source)
        for table, columns in tables.items():
            names = columns.names if isinstance(columns, TableSchema) else columns
            refuse_table_names(source, table, names)
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

    def find(self, policy: str, key: RuleKey) -> Rule | None:
        """Give the rule of a policy that has a key. Raises: NotFound."""
        return self._policy(policy).rules.get(key)

    def add(self, policy: str, rule: Rule, key: RuleKey | None = None) -> None:
        """Add a rule that is not there yet; its key saves working it out.

        Raises: NotFound: no such policy.
        """
        self.touch()
        self._journal.put(self._policy(policy).rules, key or rule_key(rule), rule)
        self._change_counts(policy, rule, 1)

    def remove(self, policy: str, key: RuleKey) -> None:
        """Take the rule away that has a key."""
        self.touch()
        rule = self._journal.drop(self._policy(policy).rules, key)
        self._change_counts(policy, rule, -1)

    def replace(self, policy: str, rule: Rule, key: RuleKey) -> None:
        """Put a rule in the place of the same rule with other annotations."""
        before = self._policy(policy).rules[key]
        self._journal.put(self._policy(policy).rules, key, rule)
        self._journal.change(
            lambda: self._exchange(policy, before, rule),
            lambda: self._exchange(policy, rule, before),
        )

    def touch(self) -> None:
        """Take that something is not what it was, by a rollback for instance."""
        self.version += 1

    def _policy(self, name: str) -> Policy:
        if name in self._schemas:
            raise NotFound(f"{name!r} is a datasource, not a policy", policy=name)
        if name not in self._policies:
            raise NotFound(f"there is no policy {name!r}", policy=name)
        return self._policies[name]

    def _change_counts(self, policy: str, rule: Rule, step: int) -> None:
        self._journal.change(
            lambda: self._count(policy, rule, step), lambda: self._count(policy, rule, -step)
        )

    def _count(self, policy: str, rule: Rule, step: int) -> None:
        head = head_key(policy, rule)
        atoms = list(body_atoms(rule.body or ()))
        self._heads[head] += step
        names = self._names[head]
        for number, argument in enumerate(rule.head.arguments):
            if number == len(names):
                names.append(Counter())
            if isinstance(argument.value, Variable):
                _step(names[number], argument.value.name, step)
        for atom in atoms:
            if all(argument.column is None for argument in atom.arguments):
                table = (atom.policy or policy, atom.table)
                _step(self._uses[table], len(atom.arguments), step)
                if not self._uses[table]:
                    del self._uses[table]
        if not self._heads[head]:
            del self._heads[head], self._names[head]
            del self._defined[head[0]][head[1]]
        else:
            self._defined[head[0]][head[1]] = None
        self._index(policy, rule, atoms, is_new=step > 0)

    def _exchange(self, policy: str, old: Rule, new: Rule) -> None:
        """Take a rule for one that differs in its annotations only."""
        atoms = list(body_atoms(old.body or ()))
        self._index(policy, old, atoms, is_new=False)
        self._index(policy, new, atoms, is_new=True)

    def _index(self, policy: str, rule: Rule, atoms: Sequence[Atom], *, is_new: bool) -> None:
        identity = rule.annotation("id")
        heads = [] if rule.body is None else [head_key(policy, rule)]
        reads = [(atom.policy or policy, atom.table) for atom in atoms]
        identities = [] if identity is None else [(policy, identity)]
        if is_new:
            self._deriving.add(heads, policy, rule)
            self._reading.add(reads, policy, rule)
            self._identified.add(identities, policy, rule)
        else:
            self._deriving.remove(heads, rule)
            self._reading.remove(reads, rule)
            self._identified.remove(identities, rule)


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
