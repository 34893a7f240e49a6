"""Answers computed from tables: rows, violations, explanations, each with what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from congress_dist.errors import InvalidRequest, NotFound
from congress_dist.row import Cell

from .base_tables import is_coming
from .explain import Derivation
from .paging import OrderedRows, page_of
from .planner.answers import Row
from .planner.normal_form import TableKey
from .provenance import Provenance
from .replica import Replica, State
from .table_names import resolve_owner, resolve_table, tables_named_by
from .violations import RuleIds, list_violations, reporting_rules, tables_of

_FIRST_ROWS_TIMEOUT = 3.0
"""Seconds that a read waits for a table nobody wanted before: a sync takes a few heartbeats."""
_TRACED_ROWS = 100


class Answers:
    """The calls that read tables; thread safe."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def table_list(self, owner: str) -> list[str]:
        """Give the tables of a datasource, or those that a policy's rules name, sorted.

        Shapes: a policy names the tables of others as `owner:table`.
        Raises: NotFound (reason `owner`).
        """
        with self._replica.state() as state:
            return tables_named_by(state, resolve_owner(state, owner))

    def table_get(self, owner: str, table: str) -> dict[str, Any]:
        """Give a table with its columns. Raises: NotFound (reason `owner` or `table`)."""
        with self._replica.state() as state:
            key = resolve_table(state, owner, table)
            return {"id": table, "columns": list(state.engine.columns(*key))}

    def row_list(
        self,
        owner: str,
        table: str,
        trace: bool = False,
        limit: int | None = None,
        marker: str | None = None,
    ) -> dict[str, Any]:
        """Give the rows of a table, sorted, a page of `limit` after `marker`.

        Shapes: `next` is the marker of the next page, when there is one; `trace` the derivations
            of the page's rows as text; `coming` tells that something missing is on its way.
        Raises: NotFound (reason `owner` or `table`); InvalidRequest: limit or marker;
            NotReady: just started, a source is not in yet.
        """
        self._want(owner, table)
        statuses, awaited = self._replica.sources.statuses(), self._replica.awaited()
        with self._replica.state() as state:
            key = resolve_table(state, owner, table)
            origin = Provenance(state, statuses)
            origin.refuse_awaited([key], awaited)
            page = page_of(_ordered(state, key), limit, marker)
            meta = origin.of([key])
            answer = {
                "columns": list(state.engine.columns(*key)),
                "rows": [list(row) for row in page.rows],
                "coming": any(map(is_coming, meta["missing"].values())),
                **meta,
            }
            if page.next is not None:
                answer["next"] = page.next
            if trace:
                answer["trace"] = _trace(state, key, page.rows)
            return answer

    def violation_list(self, policy: str | None = None) -> dict[str, Any]:
        """Give the violations of one policy or of all, worst first, and what was checked.

        Raises: NotFound (reason `policy`); NotReady: just started, a source is not in yet.
        """
        statuses, awaited = self._replica.sources.statuses(), self._replica.awaited()
        with self._replica.state() as state:
            name = None if policy is None else state.catalog.get_policy(policy).name
            rules = reporting_rules(state.catalog, name)
            tables = tables_of(rules)
            origin = Provenance(state, statuses)
            origin.refuse_awaited(tables, awaited)
            known = {datasource.name for datasource in state.catalog.datasources()}
            below = state.catalog.dependencies.below(tables)
            reporting = {id(stored.rule) for stored in rules}
            return {
                "violations": list_violations(state, name),
                "checked": {
                    "rules": len(rules),
                    "tables": sum(owner in known for owner, _ in below),
                },
                "waiting": [
                    found for rule, found in waiting_rules(state) if id(rule) in reporting
                ],
                **origin.of(tables),
            }

    def explain(self, policy: str, table: str, row: Sequence[Cell]) -> dict[str, Any]:
        """Give one derivation of a row as a tree, down to rows of datasources and facts.

        Raises: NotFound (reason `owner`, `table` or `row`); InvalidRequest: a cell is a list or an
            object; NotReady: as in `row_list`.
        """
        if not all(cell is None or isinstance(cell, str | int | float) for cell in row):
            raise InvalidRequest("a row holds text, numbers, booleans and null", reason="row")
        statuses, awaited = self._replica.sources.statuses(), self._replica.awaited()
        with self._replica.state() as state:
            key = resolve_table(state, policy, table)
            origin = Provenance(state, statuses)
            origin.refuse_awaited([key], awaited)
            try:
                derivation = state.engine.explain(*key, tuple(row))
            except NotFound as error:
                missing = origin.missing([key])
                raise NotFound(error.message, reason="row", missing=missing) from error
            return {"derivation": derivation.to_wire(), **origin.of([key])}

    def _want(self, owner: str, table: str) -> None:
        """Let a datasource table come that no rule uses."""
        with self._replica.state() as state:
            source, name = resolve_table(state, owner, table)
            datasource = state.catalog.find_datasource(source)
            if datasource is None or name not in state.catalog.schemas(datasource):
                return
            if state.tables.is_settled((source, name)):
                return
        self._replica.ask_for((source, name), _FIRST_ROWS_TIMEOUT)


def waiting_rules(state: State) -> list[tuple[Any, dict[str, Any]]]:
    """Give each rule that lacks something, with its plain form: policy, rule, and for what."""
    ids = RuleIds(state.catalog)
    return [
        (
            waiting.rule,
            {
                "policy": waiting.policy,
                "rule": ids.name(waiting.policy, waiting.rule),
                "for": dict(waiting.reasons),
            },
        )
        for waiting in state.engine.waiting()
    ]


def failures(state: State) -> list[dict[str, Any]]:
    """Give the calls of builtins that gave no row, by rule, builtin and reason, as plain data."""
    ids = RuleIds(state.catalog)
    return [
        {
            "policy": failure.policy,
            "rule": ids.name(failure.policy, failure.rule),
            "builtin": failure.builtin,
            "reason": failure.reason,
            "count": failure.count,
            "example": list(failure.example),
        }
        for failure in state.engine.failures()
    ]


def _ordered(state: State, table: TableKey) -> OrderedRows:
    catalog = state.catalog
    if catalog.find_policy(table[0]) is None and catalog.find_datasource(table[0]) is None:
        return lambda *_: []
    return partial(state.engine.page, *table)


def _trace(state: State, table: TableKey, rows: Sequence[Row]) -> str:
    lines: list[str] = []
    for row in rows[:_TRACED_ROWS]:
        pending: list[tuple[int, Derivation]] = [(0, state.engine.explain(*table, row))]
        while pending:
            depth, node = pending.pop()
            lines.append(f"{'| ' * depth}{_shown(node)}")
            pending.extend((depth + 1, child) for child in reversed(node.children))
    return "\n".join(lines)


def _shown(node: Derivation) -> str:
    cells = ", ".join(msgspec.json.encode(cell).decode() for cell in node.row)
    because = f" <- {node.rule}" if node.rule and node.children else ""
    return f"{node.policy}:{node.table}({cells}){because}"
