from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import congress_dist.policy.store.upgrade as upgrade_module
from congress_dist.errors import StartupError
from congress_dist.policy.store.models import METADATA
from congress_dist.policy.store.rule_store import RuleStore
from congress_dist.policy.store.upgrade import SCHEMA_VERSION, upgrade


def test_models_equal_the_migrated_schema(store: RuleStore) -> None:
    with store.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_constraints_of_models_equal_the_migrated_ones(store: RuleStore, tmp_path: Path) -> None:
    created = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/models.sqlite")
    METADATA.create_all(created)
    assert _constraints(created) == _constraints(store.database.engine)
    created.dispose()


def _constraints(engine: sqlalchemy.Engine) -> dict[str, Any]:
    inspector = sqlalchemy.inspect(engine)
    return {
        table: {
            "key": inspector.get_pk_constraint(table),
            "unique": sorted(inspector.get_unique_constraints(table), key=repr),
            "checks": inspector.get_check_constraints(table),
            "foreign": inspector.get_foreign_keys(table),
            "indexes": inspector.get_indexes(table),
            "nullable": {c["name"]: c["nullable"] for c in inspector.get_columns(table)},
        }
        for table in METADATA.tables
    }


def test_known_version_is_the_newest_migration() -> None:
    config = Config()
    location = Path(upgrade_module.__file__).parent / "migrations"
    config.set_main_option("script_location", str(location))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


def test_upgrade_of_an_upgraded_database_changes_nothing(store: RuleStore) -> None:
    head = store.head()
    upgrade(store.database)
    assert store.head() == head


def test_database_of_a_newer_release_is_refused(store: RuleStore, open_store: Any) -> None:
    with store.database.writing() as connection:
        connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(StartupError, match="'r9999'"):
        open_store()
