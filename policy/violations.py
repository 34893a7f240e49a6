"""Violations: pairs of a rule and a row, as people read them, worst first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from congress_dist.row import Cell

from .catalog import Catalog, StoredRule
from .language.ast import SEVERITIES, Rule, Variable
from .planner.answers import Row, Violation
from .planner.normal_form import TableKey
from .planner.program import head_key
from .replica import State
from .row_order import row_order

_SEVERITY_BY_TABLE = {"error": "high", "warning": "medium"}
_PLACEHOLDER = re.compile(r"\{([A-Za-z_.][\w.]*)\}")


def reporting_rules(catalog: Catalog, policy: str | None) -> list[StoredRule]:
    """Give the rules whose rows are violations, of one policy or of all; facts are left out."""
    return [
        stored
        for stored in catalog.rules()
        if policy in (None, stored.policy)
        and not stored.rule.is_fact
        and _severity(stored.rule) is not None
    ]


def tables_of(rules: Iterable[StoredRule]) -> set[TableKey]:
    """Give the tables that rules derive."""
    return {head_key(stored.policy, stored.rule) for stored in rules}


def list_violations(state: State, policy: str | None) -> list[dict[str, Any]]:
    """Give the present violations as plain values: by severity, policy, rule and row."""
    ids = RuleIds(state.catalog)
    found = [v for v in state.engine.violations() if policy in (None, v.policy)]
    plain = [(_plain(v, ids, state), v.row) for v in found]
    plain.sort(key=lambda pair: (*_rank(pair[0]), row_order(pair[1])))
    return [violation for violation, _ in plain]


class RuleIds:
    """How the rules of a program are called: by their `@id`, else by the id of their record."""

    def __init__(self, catalog: Catalog) -> None:
        self._records = {id(stored.rule): stored.record for stored in catalog.rules()}
        self._catalog = catalog

    def record_id(self, policy: str, rule: Rule) -> str:
        """Give the id of a rule's record."""
        record = self._records.get(id(rule))
        if record is not None:
            return record.id
        stored = (s for s in self._catalog.rules(self._catalog.get_policy(policy)))
        return next((s.record.id for s in stored if s.rule == rule), "")

    def name(self, policy: str, rule: Rule) -> str:
        """Give the name of a rule for people."""
        given = rule.annotation("id")
        return self.record_id(policy, rule) if given is None else str(given)


def _severity(rule: Rule) -> str | None:
    given = rule.annotation("severity")
    return _SEVERITY_BY_TABLE.get(rule.head.table) if given is None else str(given)


def _rank(violation: dict[str, Any]) -> tuple[int, str, str, str]:
    order = -SEVERITIES.index(violation["severity"])
    return order, violation["policy"], violation["rule"], violation["table"]


def _plain(violation: Violation, ids: RuleIds, state: State) -> dict[str, Any]:
    policy, rule, table, row = violation
    return {
        "policy": policy,
        "rule": ids.name(policy, rule),
        "rule_id": ids.record_id(policy, rule),
        "table": table,
        "row": list(row),
        "columns": list(state.engine.columns(policy, table)),
        "severity": _severity(rule),
        "title": _text(rule, "title"),
        "remediation": _text(rule, "remediation"),
        "message": _message(rule, table, row),
    }


def _message(rule: Rule, table: str, row: Row) -> str:
    template = _text(rule, "message")
    if not template:
        return _text(rule, "title") or f"{table}({', '.join(map(_shown, row))})"
    values = {
        argument.value.name: _shown(cell)
        for argument, cell in zip(rule.head.arguments, row, strict=True)
        if isinstance(argument.value, Variable)
    }
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def _shown(cell: Cell) -> str:
    if cell is None:
        return "null"
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _text(rule: Rule, annotation: str) -> str:
    given = rule.annotation(annotation)
    return "" if given is None else str(given)
