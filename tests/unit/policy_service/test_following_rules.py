from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from congress_dist.policy.catalog import Catalog
from congress_dist.policy.store.operations import DeleteDatasource
from congress_dist.schema import schema

from .conftest import System


def _state_of(system: System) -> Any:
    """Everything that a replica holds of the program, rules at work included."""
    with system.replica.state() as state:
        catalog = state.catalog
        return (
            catalog.head,
            catalog.policies(),
            {p.name: [s.record for s in catalog.rules(p)] for p in catalog.policies()},
            {p.name: set(state.engine.policy_rules(p.name)) for p in catalog.policies()},
            catalog.datasources(),
            {d.name: dict(catalog.schemas(d)) for d in catalog.datasources()},
        )


def test_replica_follows_what_another_writes(system: System, open_system: Any) -> None:
    other = open_system()
    other.policy("net", "p(x) :- q(x)", "q(1)")
    other.register("nova", {"servers": schema("id")})
    other.call("rule_insert", policy="net", rule="q(2)")
    system.replica.tick()
    assert system.rows("net", "p") == [[1], [2]]
    assert _state_of(system) == _state_of(other)


def test_write_validates_at_the_newest_revision(system: System, open_system: Any) -> None:
    other = open_system()
    system.policy("net")
    other.call("rule_insert", policy="net", rule="p(x) :- q(x)")
    with pytest.raises(Exception, match="recurs"):
        system.call("rule_insert", policy="net", rule="q(x) :- p(x)")
    assert other.revision() == system.revision()


def test_deletions_are_followed(system: System, open_system: Any) -> None:
    rules = system.policy("net", "p(x) :- q(x)", "q(1)")["rules"]
    other = open_system()
    other.call("rule_delete", policy="net", rule=rules[0]["id"])
    system.replica.tick()
    assert _state_of(system) == _state_of(other)
    other.call("policy_delete", policy="net")
    system.replica.tick()
    assert _state_of(system) == _state_of(other)


def test_restarted_replica_holds_the_same(system: System, open_system: Any) -> None:
    system.register("nova", {"servers": schema("id"), "flavors": schema("id")})
    system.policy("net", "p(x) :- q(x)", "q(1)")
    system.policy("late", "r(x) :- net:p(x), nova:servers(id=x)")
    system.call("policy_create", name="m", kind="materialized")
    system.call("rule_insert", policy="net", rule='@id("N-1") p(x) :- q(x)')
    assert _state_of(open_system()) == _state_of(system)


def test_rule_on_columns_of_a_later_rule_survives_a_restart(
    system: System, open_system: Any
) -> None:
    rules = system.policy("net", "base(id) :- q(id)", "q(1)", "p(x) :- base(id=x)")["rules"]
    system.call("rule_insert", policy="net", rule="base(id) :- s(id)")
    system.call("rule_delete", policy="net", rule=rules[0]["id"])
    system.call("rule_insert", policy="net", rule="s(4)")
    assert system.rows("net", "p") == [[4]]
    assert open_system().rows("net", "p") == [[4]]


def test_database_restored_from_a_backup_is_loaded_again(
    system: System, open_system: Any, tmp_path: Path
) -> None:
    system.register("nova", {"servers": schema("id")})
    system.policy("net", "p(x) :- q(x)", "q(1)", "s(x) :- nova:servers(x)")
    system.node.say("nova", 1, {"servers": [("a",)]})
    backup = _copy(tmp_path, "backup")
    system.policy("lost", "t(1)")
    system.call("rule_insert", policy="net", rule="q(2)")
    system.register("cinder", {"volumes": schema("id")})
    _restore(tmp_path, backup)
    system.replica.tick()
    assert _state_of(system) == _state_of(open_system())
    assert system.rows("net", "p") == [[1]]
    assert system.rows("net", "s") == [["a"]]


def test_other_history_of_the_same_length_is_noticed(
    system: System, open_system: Any, tmp_path: Path
) -> None:
    system.policy("net")
    backup = _copy(tmp_path, "backup")
    system.call("rule_insert", policy="net", rule="q(1)")
    _restore(tmp_path, backup)
    other = open_system()
    other.call("rule_insert", policy="net", rule="q(2)")
    assert other.revision() == system.revision()
    system.replica.tick()
    assert system.rows("net", "q") == [[2]]
    assert _state_of(system) == _state_of(other)


def _copy(directory: Path, name: str) -> Path:
    """Make a backup of the rule database as it is now."""
    _transfer(directory / "rules.sqlite", directory / name)
    return directory / name


def _restore(directory: Path, backup: Path) -> None:
    """Put the contents of a backup in the place of the present ones."""
    _transfer(backup, directory / "rules.sqlite")


def _transfer(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def test_difference_to_the_same_is_nothing(system: System) -> None:
    system.register("nova", {"servers": schema("id")})
    system.policy("net", "p(x) :- q(x)")
    with system.replica.state() as state:
        assert state.catalog.difference(_snapshot(system)) == ()


def test_difference_removes_a_datasource_with_its_tables(system: System) -> None:
    empty = _snapshot(system)
    system.register("nova", {"servers": schema("id")})
    with system.replica.state() as state:
        operations = state.catalog.difference(empty)
    assert [type(o).__name__ for o in operations] == ["DeleteSchema", "DeleteDatasource"]
    assert isinstance(operations[-1], DeleteDatasource)


def test_difference_from_nothing_builds_everything(system: System) -> None:
    system.register("nova", {"servers": schema("id")})
    system.policy("net", "p(x) :- q(x)", "q(1)")
    catalog = Catalog()
    for operation in catalog.difference(_snapshot(system)):
        catalog.apply(operation)
    assert catalog.difference(_snapshot(system)) == ()
    assert [s.record.text for s in catalog.rules(catalog.get_policy("net"))] == [
        "p(x) :- q(x)",
        "q(1)",
    ]


def _snapshot(system: System) -> Any:
    return system.service._store.snapshot()
