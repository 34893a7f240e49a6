"""Brings the database's schema to the version that this code was written for."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from congress_dist.errors import StartupError

from .database import Database

SCHEMA_VERSION = "r0001"
"""The newest migration; a test compares it with the migrations' own head."""

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Create the tables, or change them to the newest form.

    Promises: one transaction, all or nothing; processes that start together do it once; alembic is
        imported only when there is something to do.
    Raises: StoreUnavailable: the database cannot be written.
        StartupError: the database belongs to a newer release.
    """
    with database.reading() as connection:
        if _stored_version(connection) == SCHEMA_VERSION:
            return
    with database.writing() as connection:
        _migrate(connection, database.name)


def _stored_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: Connection, name: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StartupError(
            f"the rule database {name!r} has schema {_stored_version(connection)!r}, this release "
            f"knows {SCHEMA_VERSION!r} and earlier; start the release that wrote it"
        ) from error
