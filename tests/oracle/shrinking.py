"""Makes a case that fails smaller, as long as it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from congress_dist.errors import CongressError
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.language.printer import print_rule

from .cases import Case, Operation


def shrink(case: Case, fails: Callable[[Case], bool]) -> Case:
    """Drop operations, rules, literals and rows that the failure does not need."""
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for smaller in _smaller(case):
            if fails(smaller):
                case, is_smaller = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Give cases that are a little smaller, those that drop most first."""
    operations = case.operations
    size = len(operations)
    width = size // 2
    while width:
        for start in range(0, size, width):
            yield replace(case, operations=operations[:start] + operations[start + width :])
        width //= 2
    for place, operation in enumerate(operations):
        for others in _instead_of(operation):
            changed = (*operations[:place], *others, *operations[place + 1 :])
            yield replace(case, operations=changed)


def _instead_of(operation: Operation) -> Iterator[tuple[Operation, ...]]:
    name, *arguments = operation
    if name == "trial":
        yield arguments[0]
        for inner in _smaller(Case(arguments[0])):
            yield ((name, inner.operations),)
    elif name in ("insert", "delete", "restore", "withdraw"):
        for text in _shorter(arguments[1]):
            yield ((name, arguments[0], text),)
    elif name == "impact":
        for place in range(len(arguments[0])):
            yield (("impact", (*arguments[0][:place], *arguments[0][place + 1 :])),)
    elif name in ("query", "call"):
        for shorter in _shorter(arguments[1]):
            yield ((name, arguments[0], shorter, *arguments[2:]),)
    elif name in ("load", "apply", "transact"):
        for place, tables in enumerate(arguments):
            if isinstance(tables, dict):
                for fewer in _fewer(tables):
                    yield ((name, *arguments[:place], fewer, *arguments[place + 1 :]),)


def _shorter(text: str) -> Iterator[str]:
    """Give a text without one of its rules, or with a rule without one of its conjuncts."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        others = lines[:place], lines[place + 1 :]
        if len(lines) > 1:
            yield "\n".join([*others[0], *others[1]])
        try:
            (rule,) = parse(line)
        except (CongressError, ValueError):
            continue
        for number in range(len(rule.body or ())):
            body = (*rule.body[:number], *rule.body[number + 1 :])  # type: ignore[index]
            if body:
                shorter = print_rule(replace(rule, body=body))
                yield "\n".join([*others[0], shorter, *others[1]])


def _fewer(tables: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give tables without one of them, or without one row."""
    for name, rows in tables.items():
        yield {other: kept for other, kept in tables.items() if other != name}
        if not isinstance(rows, str):
            for place in range(len(rows)):
                yield {**tables, name: [*rows[:place], *rows[place + 1 :]]}
