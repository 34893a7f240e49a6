"""Every check has cases in tests/cases: what passes, and what is refused with which message."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from congress_dist.policy.language.checks import check, check_program
from congress_dist.policy.language.diagnostics import Diagnostic, PolicyError
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.planner.program import Program
from congress_dist.schema import Column, ColumnType, TableSchema

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted((ROOT / "policy" / "language").rglob("*.py"))
CASES = [
    (path, case)
    for path in sorted((ROOT / "tests" / "cases" / "diagnostics").glob("*.yaml"))
    for case in yaml.safe_load(path.read_text())
]
CLOUD = {"servers": ["id", "name", "status"], "ports": ["id", "device_id"]}


def schema_of(given: list[str] | dict[str, str]) -> list[str] | TableSchema:
    """Read names of columns, or names with types; `?` after a type: it may be null."""
    if isinstance(given, list):
        return given
    columns = [
        Column(name, cast("ColumnType", kind.rstrip("?")), nullable=kind.endswith("?"))
        for name, kind in given.items()
    ]
    return TableSchema(tuple(columns))


def program_of(case: dict[str, Any]) -> Program:
    """Build the program of a case: the policy p, a datasource nova, and what the case adds."""
    program = Program()
    for name, kind in {"p": "nonrecursive", **case.get("policies", {})}.items():
        program.create_policy(name, kind)
    program.set_schema("nova", CLOUD)
    for source, tables in case.get("given_schemas", {}).items():
        program.set_schema(source, {name: schema_of(given) for name, given in tables.items()})
    for name, text in case.get("given", {}).items():
        for rule in parse(text):
            program.add(name, rule)
    return program


def findings(case: dict[str, Any]) -> list[Diagnostic]:
    text, policy = case["text"], case.get("policy", "p")
    try:
        rules = parse(text)
    except PolicyError as error:
        return list(error.diagnostics)
    find = check_program if case.get("is_whole") else check
    return find([(policy, rule) for rule in rules], program_of(case), text=text)


@pytest.mark.parametrize(
    "case", [case for _, case in CASES], ids=[f"{path.stem}: {c['name']}" for path, c in CASES]
)
def test_a_text_gets_exactly_these_diagnostics(case: dict[str, Any]) -> None:
    rendered = "\n".join(diagnostic.render() for diagnostic in findings(case))
    assert rendered == case.get("expect", "").strip()


def test_every_error_says_what_to_do() -> None:
    errors = [d for _, case in CASES for d in findings(case) if d.severity == "error"]
    assert [diagnostic.render() for diagnostic in errors if not diagnostic.hint] == []


def codes_in(path: Path) -> set[str]:
    """Give the codes that a module can report."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    codes = set()
    for call in calls:
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if name in ("report", "SyntaxFault", "_fault") and call.args:
            codes |= {n.value for n in ast.walk(call.args[0]) if isinstance(n, ast.Constant)}
    return codes


def test_every_code_that_can_be_reported_has_a_case() -> None:
    reported = {diagnostic.code for _, case in CASES for diagnostic in findings(case)}
    declared = set().union(*(codes_in(path) for path in SOURCES))
    assert declared - reported == {"query", "too-large", "too-deep"}  # tested in test_grammar
