"""The reference engine: what `congress_dist.policy.Engine` promises, by the shortest way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import combinations

from congress_dist.errors import InvalidRequest, InvalidRow, NotFound
from congress_dist.policy.language.ast import Rule
from congress_dist.policy.language.checks import refusals
from congress_dist.policy.language.diagnostics import Diagnostic, PolicyError, refuse_errors
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.language.names import column_names, refuse_owner_name
from congress_dist.policy.language.rule_key import rule_key
from congress_dist.policy.planner.normal_form import TableKey
from congress_dist.policy.planner.program import Program, head_key
from congress_dist.row import Cell

from .meaning import (
    Given,
    Meaning,
    Reasons,
    ReferenceRule,
    RuleName,
    meaning_of,
    missing_of,
    most_ways,
)
from .resolution import BaseTable, Resolved, State
from .symbols import IdRow, Symbols

Row = tuple[Cell, ...]
GivenTables = Mapping[str, Iterable[Sequence[Cell]]]
DEFAULT_MAX_ROWS = 100_000


class ReferenceEngine:
    """Rules over live tables.

    Shapes: `meaning` has the rows as ids of `symbols`, so that sets of them know types; compare it
        with an earlier one for what a change came to (`differences`).
    Promises: a method that raises has changed nothing. No rule is parked but by `park`, which
        tells what a limit stopped.
    """

    def __init__(self, *, max_rows: int = DEFAULT_MAX_ROWS) -> None:
        self.symbols = Symbols()
        self._max_rows = max_rows
        self.state = State()
        self._resolved = Resolved(self.state, self.symbols)
        self._given: Given | None = None
        self._meaning: Meaning | None = None

    # --- changes

    def create_policy(self, name: str, kind: str) -> None:
        """Add an empty policy."""
        refuse_owner_name(name, "a policy")
        if self.program.kind(name) is not None:
            self.program.create_policy(name, kind)  # raises
        state = self.state
        self._become(
            replace(state, kinds={**state.kinds, name: kind}, rules={**state.rules, name: {}})
        )

    def delete_policy(self, name: str) -> None:
        """Take a policy away with its rules."""
        self.program.rules_of(name)  # raises
        state = self.state
        self._become(
            State(
                _without(state.kinds, name),
                _without(state.rules, name),
                state.base,
                frozenset(rule for rule in state.parked if rule[0] != name),
            )
        )

    def insert(self, policy: str, text: str) -> None:
        """Add the rules and facts of a text."""
        self.insert_rules(policy, parse(text))

    def insert_rules(self, policy: str, rules: Sequence[Rule]) -> None:
        """Add parsed rules and facts."""
        self.refuse_unknown_owner(policy)
        refuse_errors(refusals([(policy, rule) for rule in rules], self.program))
        self.insert_checked(policy, rules)

    def insert_checked(self, policy: str, rules: Sequence[Rule]) -> None:
        """Add parsed rules that have passed the checks."""
        self._add(policy, rules, is_sure=False)

    def restore_rules(self, policy: str, rules: Sequence[Rule]) -> None:
        """Add parsed rules, whatever they come to."""
        self._add(policy, rules, is_sure=True)

    def delete(self, policy: str, text: str) -> None:
        """Take the rules and facts of a text away."""
        self.delete_rules(policy, parse(text))

    def delete_rules(self, policy: str, rules: Sequence[Rule]) -> None:
        """Take parsed rules and facts away."""
        self._remove(policy, rules, is_sure=False)

    def withdraw_rules(self, policy: str, rules: Sequence[Rule]) -> None:
        """Take parsed rules away, whatever becomes of others."""
        self._remove(policy, rules, is_sure=True)

    def set_schema(self, source: str, tables: Mapping[str, Sequence[str]]) -> None:
        """Tell all tables and columns of a datasource."""
        known = self.state.base.get(source, {})
        Program().set_schema(source, tables)  # raises
        kept = {}
        for table, columns in tables.items():
            new = BaseTable(tuple(columns))
            before = known.get(table, new)
            kept[table] = before if before.columns == new.columns else new
        if source in self.state.kinds:
            self.program.set_schema(source, tables)  # raises
        self._become(replace(self.state, base={**self.state.base, source: kept}))

    def remove_source(self, source: str) -> None:
        """Forget a datasource."""
        if source not in self.state.base:
            raise NotFound(f"there is no datasource {source!r}")
        self._become(replace(self.state, base=_without(self.state.base, source)))

    def load(self, source: str, tables: GivenTables) -> None:
        """Replace the rows of tables; a datasource that there is not yet begins to be."""
        if self.program.kind(source) is not None:
            self.transact(source, loaded=tables)
            return
        before = self.state
        widths = {name: len(next(iter(rows), ())) for name, rows in tables.items()}
        if not all(tables.values()):
            raise InvalidRequest("no columns are known")
        try:
            self.set_schema(source, {n: column_names(w) for n, w in widths.items()})
            self.transact(source, loaded=tables)
        except Exception:
            self._become(before)
            raise

    def apply(self, source: str, added: GivenTables, removed: GivenTables) -> None:
        """Add and remove rows."""
        self.transact(source, added=added, removed=removed)

    def mark_missing(self, source: str, tables: Iterable[str], reason: str) -> None:
        """Make tables unknown, without rows."""
        if not reason.strip():
            raise InvalidRequest("no reason is given")
        self.transact(source, missing=dict.fromkeys(tables, reason))

    def transact(
        self,
        source: str,
        *,
        loaded: GivenTables | None = None,
        added: GivenTables | None = None,
        removed: GivenTables | None = None,
        missing: Mapping[str, str] | None = None,
    ) -> None:
        """Change several tables at once."""
        loaded, missing = loaded or {}, missing or {}
        added, removed = added or {}, removed or {}
        changed = added.keys() | removed.keys()
        for some, others in combinations((loaded.keys(), changed, missing.keys()), 2):
            if some & others:
                raise InvalidRequest(f"given twice: {some & others}")
        tables = dict(self.state.base.get(source, {}))
        for name in (*loaded, *changed, *missing):
            if name not in tables:
                raise NotFound(f"datasource {source!r} has no table {name!r}")
        for name, rows in loaded.items():
            rows_now = self._encoded(tables[name], rows)
            tables[name] = BaseTable(tables[name].columns, rows_now, None)
        for name in changed:
            gone = self._encoded(tables[name], removed.get(name, ()))
            come = self._encoded(tables[name], added.get(name, ()))
            tables[name] = replace(tables[name], rows=(tables[name].rows - gone) | come)
        for name, reason in missing.items():
            tables[name] = BaseTable(tables[name].columns, frozenset(), reason)
        state = replace(self.state, base={**self.state.base, source: tables})
        self._become(state, resolved=self._resolved)

    def park(self, rules: Iterable[RuleName]) -> None:
        """Take that rules were stopped, and stay so until they are inserted anew."""
        parked = self.state.parked.union(rules)
        self._become(replace(self.state, parked=parked), resolved=self._resolved)

    def return_to(self, state: State) -> None:
        """Become what the engine was earlier."""
        self._become(state)

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Take back, at the end of a `with` block, whatever was changed inside of it."""
        before = self.state
        try:
            yield
        finally:
            self._become(before)

    # --- answers

    @property
    def meaning(self) -> Meaning:
        """Everything that follows now. Raises: TooManyRows."""
        if self._meaning is None:
            self._meaning = meaning_of(self._told(), self.symbols, self._resolved.order)
        return self._meaning

    def kind(self, owner: str) -> str | None:
        """Give a policy's kind, `datasource` for a datasource, None for what does not exist."""
        return self.program.kind(owner)

    def rows(self, owner: str, table: str) -> list[Row]:
        """Give the rows of a table. Raises: NotFound: no such policy or datasource."""
        self.refuse_unknown_owner(owner)
        return [self.symbols.decode(row) for row in self.meaning.rows.get((owner, table), ())]

    def missing(self, owner: str, table: str) -> Reasons:
        """Give what keeps a table from being known, with all reasons for each table."""
        return missing_of((owner, table), self._told(), self.meaning)

    def violations(self) -> list[tuple[str, Rule, str, Row]]:
        """Give each row of a reporting rule or fact: policy, rule, table and row."""
        meaning, resolved, decode = self.meaning, self._resolved, self.symbols.decode
        found = [
            (rule.name[0], rule.rule, rule.head[1], decode(row))
            for rule in resolved.rules
            if rule.rule.is_reporting
            for row in meaning.rows_by_rule[rule.name]
        ]
        found += [
            (policy, rule, head_key(policy, rule)[1], decode(resolved.row_of(rule)))
            for policy, rules in self.state.rules.items()
            for rule in rules.values()
            if rule.is_fact and rule.is_reporting
        ]
        return found

    def tables(self) -> set[TableKey]:
        """Give every table that is defined or read."""
        reads = {read for rule in self._resolved.rules for read in rule.reads}
        return reads | self.meaning.rows.keys()

    def most_ways(self, name: RuleName, before: Meaning) -> int:
        """Give a number of rows that no plan of a rule can exceed on the way from a meaning."""
        return most_ways(self._resolved.rule(name), before, self.meaning)

    @property
    def program(self) -> Program:
        """Give what names and widths there are."""
        return self._resolved.program

    @property
    def rules(self) -> list[ReferenceRule]:
        """Give the rules that are no facts."""
        return self._resolved.rules

    @property
    def facts(self) -> Mapping[TableKey, set[IdRow]]:
        """Give the rows of facts by table."""
        return self._resolved.facts

    def has_rule(self, policy: str, rule: Rule) -> bool:
        """Tell whether a policy has a rule or fact."""
        return rule_key(rule) in self.state.rules[policy]

    def refuse_unknown_owner(self, owner: str) -> None:
        """Refuse what is no policy or datasource. Raises: NotFound."""
        if self.program.kind(owner) is None:
            raise NotFound(f"there is no policy or datasource {owner!r}")

    # --- inside

    def _told(self) -> Given:
        if self._given is None:
            base = {
                (source, name): table
                for source, tables in self.state.base.items()
                for name, table in tables.items()
            }
            self._given = Given(
                base={key: table.rows for key, table in base.items()},
                reasons={key: table.reason for key, table in base.items()},
                facts=self._resolved.facts,
                rules=self._resolved.rules,
                parked=self.state.parked,
                why_unknown=self.program.why_unknown,
                max_rows=self._max_rows,
            )
        return self._given

    def _become(self, state: State, *, resolved: Resolved | None = None) -> None:
        self._resolved = resolved or Resolved(state, self.symbols, self._resolved.known)
        self.state = state
        self._given = self._meaning = None

    def _add(self, policy: str, rules: Sequence[Rule], *, is_sure: bool) -> None:
        self.program.rules_of(policy)  # raises
        before = self.state.rules[policy]
        given = {rule_key(rule): rule for rule in rules}
        new = {(policy, key) for key in given.keys() - before.keys()}
        state = replace(self.state, rules={**self.state.rules, policy: {**before, **given}})
        self._become_checked(state, new, is_sure=is_sure)

    def _remove(self, policy: str, rules: Sequence[Rule], *, is_sure: bool) -> None:
        self.program.rules_of(policy)  # raises
        before = self.state.rules[policy]
        keys = {rule_key(rule) for rule in rules}
        if not keys <= before.keys():
            raise NotFound(f"policy {policy!r} has no such rule")
        kept = {key: rule for key, rule in before.items() if key not in keys}
        parked = self.state.parked - {(policy, key) for key in keys}
        state = replace(self.state, rules={**self.state.rules, policy: kept}, parked=parked)
        self._become_checked(state, set(), is_sure=is_sure)

    def _become_checked(self, state: State, new: set[RuleName], *, is_sure: bool) -> None:
        resolved = Resolved(state, self.symbols, self._resolved.known)
        if not is_sure:
            running = resolved.running()
            for name, error in resolved.refused.items():
                if name in new or name not in self._resolved.refused:
                    raise error
            left = {(policy, key) for policy, rules in state.rules.items() for key in rules}
            ran = {r.name for r in self._resolved.rules if r.alternatives}
            if not (ran & left) <= running:
                raise PolicyError([Diagnostic("column-in-use", "a rule reads what would be lost")])
        self._become(state, resolved=resolved)

    def _encoded(self, table: BaseTable, rows: Iterable[Sequence[Cell]]) -> frozenset[IdRow]:
        given = list(rows)
        if any(len(row) != len(table.columns) for row in given):
            raise InvalidRow("a row has another width", table="", row=0, column=-1)
        return frozenset(map(self.symbols.encode, given))


def _without(mapping: Mapping[str, object], key: str) -> dict:  # type: ignore[type-arg]
    return {other: value for other, value in mapping.items() if other != key}
