"""Each policy of the library loads, finds what it is for, and finds nothing in a clean cloud.

The cases are in library/, one file per policy: rows `added` to the clean cloud, `rules` added to
the policy, and what its tables have `then`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from congress_dist.policy import Engine
from congress_dist.policy.language.checks import check_program
from congress_dist.policy.language.package import read_package
from congress_dist.policy.planner.program import Program

HERE = Path(__file__).parent
LIBRARY = HERE.parents[1] / "devstack" / "policies" / "library"
FILES = sorted(LIBRARY.glob("*.yaml"))
TABLES = yaml.safe_load((HERE / "data" / "openstack_tables.yaml").read_text())
CLEAN = yaml.safe_load((HERE / "library" / "clean_cloud.yaml").read_text())

NAMES = {
    "BadFlavors", "CrossProjectNetwork", "DisallowedServerImages", "NetworkGateway",
    "PauseBadFlavors", "PauseDisallowedServerImages", "SecurityGroups",
    "TagBasedNetworkSecurityZone", "UnsafeTraffic", "VolumeEncryption",
    "VolumeEncryptionPauseServer",
}  # fmt: skip
"""The policies of Congress's own library."""


def load_cases(file: Path) -> list[dict[str, Any]]:
    return yaml.safe_load((HERE / "library" / file.name).read_text())


CASES = [
    pytest.param(file, case, id=f"{file.stem}: {case['name']}")
    for file in FILES
    for case in load_cases(file)
]


def row_of(columns: list[str], cells: Mapping[str, Any]) -> tuple[Any, ...]:
    assert set(cells) <= set(columns), f"{set(cells) - set(columns)} are no columns"
    return tuple(cells.get(column, "None") for column in columns)


def engine_with(
    file: Path, *, rules: str = "", added: Mapping[str, list[Any]] | None = None
) -> tuple[Engine, str]:
    """Give an engine with one policy over the clean cloud and the rows added to it."""
    engine, package = Engine(), read_package(file)
    for source, tables in TABLES.items():
        engine.set_schema(source, tables)
    engine.create_policy(package.name, package.kind)
    engine.insert_rules(package.name, package.statements)
    engine.insert(package.name, rules)
    given = [CLEAN, added or {}]
    assert {key for part in given for key in part} <= {
        f"{source}:{table}" for source, tables in TABLES.items() for table in tables
    }
    for source, tables in TABLES.items():
        engine.load(
            source,
            {
                table: [
                    row_of(columns, cells)
                    for part in given
                    for cells in part.get(f"{source}:{table}", ())
                ]
                for table, columns in tables.items()
            },
        )
    return engine, package.name


def rows_of(engine: Engine, policy: str, table: str) -> list[tuple[Any, ...]]:
    """Give the rows of a table of the policy, or of an action: `execute nova:servers.pause`."""
    modal, _, action = table.partition(" ")
    if not action:
        return sorted(engine.rows(policy, table))
    owner, _, name = action.partition(":")
    return sorted(engine.rows(owner, f"{modal}[{name}]"))


def actions_of(engine: Engine, policy: str) -> set[str]:
    heads = [rule.head for rule in engine.policy_rules(policy) if rule.modal is not None]
    return {f"execute {head.policy}:{head.table}" for head in heads}


@pytest.mark.parametrize(("file", "case"), CASES)
def test_a_policy_finds_what_it_should(file: Path, case: dict[str, Any]) -> None:
    engine, policy = engine_with(file, rules=case.get("rules", ""), added=case.get("added"))
    for table, rows in case["then"].items():
        assert rows_of(engine, policy, table) == sorted(map(tuple, rows)), table


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_clean_cloud_has_no_finding_and_needs_no_action(file: Path) -> None:
    engine, policy = engine_with(file)
    found = {
        table: rows_of(engine, policy, table)
        for table in ("error", "warning", *actions_of(engine, policy))
    }
    assert not any(found.values()), found
    assert engine.violations() == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_rule_waits_once_every_table_is_there(file: Path) -> None:
    engine, _ = engine_with(file)
    assert engine.waiting() == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_is_doubtful_about_a_policy(file: Path) -> None:
    package, program = read_package(file), Program()
    program.create_policy(package.name, package.kind)
    for source, tables in TABLES.items():
        program.set_schema(source, tables)
    rules = [(package.name, rule) for rule in package.statements]
    found = check_program(rules, program, texts=package.texts)
    assert [diagnostic.render() for diagnostic in found] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_a_policy_reports_and_does_has_a_case(file: Path) -> None:
    engine, policy = engine_with(file)
    tables = {"error", "warning"} & set(engine.tables(policy)) | actions_of(engine, policy)
    fired = {table for case in load_cases(file) for table, rows in case["then"].items() if rows}
    assert tables
    assert tables <= fired


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_rule_has_a_name_and_a_comment(file: Path) -> None:
    rules = read_package(file).rules
    assert all(rule.name and rule.comment for rule in rules)
    assert len({rule.name for rule in rules}) == len(rules)


def test_the_library_is_complete() -> None:
    assert {read_package(file).name for file in FILES} == NAMES
