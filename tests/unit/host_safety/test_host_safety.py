"""The policy "is this host safe?": each rule on rows that must and rows that must not break it.

The cases are in cases/: rows `given` by column (others have a plain value of their type; tables
not named are empty), and the rows that the table of the rule has `then`. Tables under `missing`
are unknown, and `incomplete` says that the table of the rule must then be so too.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from congress_dist.datasources.drivers.host_accounts import HostAccounts
from congress_dist.datasources.drivers.host_files import HostFiles
from congress_dist.datasources.drivers.host_packages import HostPackages
from congress_dist.datasources.drivers.host_processes import HostProcesses
from congress_dist.datasources.drivers.host_python import HostPython
from congress_dist.policy import Engine
from congress_dist.policy.language.ast import SEVERITIES
from congress_dist.policy.language.grammar import parse
from congress_dist.schema import Column, TableSchema

POLICY = "host_safety"
DEVSTACK = Path(__file__).parents[3] / "devstack"
POLICY_FILES = sorted((DEVSTACK / "policies" / POLICY).glob("*.dl"))
CASE_FILES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
DRIVERS = (HostAccounts, HostFiles, HostPackages, HostProcesses, HostPython)
PLAIN_VALUES = {"str": "x", "int": 1, "float": 1.0, "bool": False, "any": "x"}

RULES = [rule for file in POLICY_FILES for rule in parse(file.read_text(), source=file.name)]
CHECKED_RULES = [rule for rule in RULES if rule.annotation("severity") is not None]


def load_cases() -> list[Any]:
    cases = []
    for file in CASE_FILES:
        text = yaml.safe_load(file.read_text())
        cases += [
            pytest.param(text["table"], case, id=f"{text['rule']}: {case['name']}")
            for case in text["cases"]
        ]
    return cases


def row_of(schema: TableSchema, cells: Mapping[str, Any]) -> tuple[Any, ...]:
    assert set(cells) <= set(schema.names), f"{set(cells) - set(schema.names)} are no columns"
    return tuple(cells.get(column.name, plain_value(column)) for column in schema.columns)


def plain_value(column: Column) -> Any:
    return None if column.nullable else PLAIN_VALUES[column.type]


def engine_with(
    given: Mapping[str, Any], missing: Mapping[str, str] | None = None, rules: str = ""
) -> Engine:
    engine = Engine()
    for driver in DRIVERS:
        engine.set_schema(driver.name, driver.tables)
    engine.create_policy(POLICY)
    engine.insert(POLICY, "\n".join(file.read_text() for file in POLICY_FILES))
    if rules:
        engine.insert(POLICY, rules)
    unused = set(given)
    for driver in DRIVERS:
        tables = {}
        for table, schema in driver.tables.items():
            key = f"{driver.name}:{table}"
            unused.discard(key)
            if key not in (missing or {}):
                tables[table] = [row_of(schema, cells) for cells in given.get(key, [])]
        engine.load(driver.name, tables)
    assert not unused, f"no driver has {unused}"
    for key, reason in (missing or {}).items():
        source, _, table = key.partition(":")
        engine.mark_missing(source, [table], reason)
    return engine


@pytest.mark.parametrize(("table", "case"), load_cases())
def test_rows_break_the_rule_or_not(table, case):
    engine = engine_with(case["given"], case.get("missing"), case.get("rules", ""))
    assert sorted(engine.rows(POLICY, table), key=repr) == sorted(
        (tuple(row) for row in case["then"]), key=repr
    )
    assert engine.missing(POLICY, table) == (case["missing"] if case.get("incomplete") else {})


@pytest.mark.parametrize("rule", CHECKED_RULES, ids=lambda rule: rule.annotation("id"))
def test_every_rule_tells_what_is_wrong_and_what_to_do(rule):
    assert rule.annotation("severity") in SEVERITIES
    for name in ("id", "title", "remediation"):
        assert rule.annotation(name), f"{rule.head.table} has no @{name}"


@pytest.mark.parametrize("rule", CHECKED_RULES, ids=lambda rule: rule.annotation("id"))
def test_every_rule_has_a_case_that_fires_and_one_that_does_not(rule):
    (text,) = [
        found
        for found in (yaml.safe_load(file.read_text()) for file in CASE_FILES)
        if found["rule"] == rule.annotation("id")
    ]
    assert text["table"] == rule.head.table
    assert any(case["then"] for case in text["cases"])
    assert any(not case["then"] and not case.get("missing") for case in text["cases"])


def test_rule_ids_are_unique():
    ids = [rule.annotation("id") for rule in CHECKED_RULES]
    assert len(ids) == len(set(ids)) == 12


def test_a_quiet_host_has_no_violation():
    assert engine_with({}).violations() == []


def test_the_violation_carries_the_rule_of_its_row():
    accounts = [{"name": "toor", "uid": 0, "shell": "/bin/sh", "home": "/"}]
    (violation,) = engine_with({"host_accounts:accounts": accounts}).violations()
    assert violation.policy == POLICY
    assert violation.rule.annotation("id") == "HOST-10"
    assert violation.row == ("toor", "/bin/sh", "/")


def test_no_rule_waits_once_every_table_is_in():
    assert list(engine_with({}).waiting()) == []


def test_the_demonstration_has_a_datasource_for_every_driver():
    config = configparser.ConfigParser()
    config.read(DEVSTACK / "host_safety.conf")
    assert {f"datasource:{driver.name}": driver.name for driver in DRIVERS} == {
        section: config[section]["driver"] for section in config.sections()
    }
