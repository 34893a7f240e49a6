"""The way to the rule database: transactions, and the border where errors are translated.

Called from any thread. Outside policy/store nobody sees an exception of SQLAlchemy or oslo.db.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import sqlalchemy
from oslo_db.exception import DBConstraintError, DBDuplicateEntry, DBError, DBReferenceError
from oslo_db.sqlalchemy import enginefacade
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from congress_dist.errors import InternalError, StoreUnavailable

Outcome = Literal["not_written", "unknown"]

_LOCK_WAIT = 1.0
# The write-ahead log is synced by each commit: an acknowledged rule survives a power cut too.
_SQLITE_SESSION = (
    f"PRAGMA busy_timeout = {int(_LOCK_WAIT * 1000)}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
)
_WRITING = "congress_dist_writing"

_FEW_PAGES = 16 * 4096
"""Bytes: what SQLite needs beside a database before it can even say that the disk is full."""
_SQLITE_CAUSES = {
    "SQLITE_FULL": ("the disk is full", "free some space and repeat the request"),
    "SQLITE_IOERR": ("reading or writing its file failed", "look at the disk and its file system"),
    "SQLITE_BUSY": ("another process holds it", "repeat the request"),
    "SQLITE_LOCKED": ("another process holds it", "repeat the request"),
    "SQLITE_CANTOPEN": ("its file cannot be opened", "check that its directory is there"),
    "SQLITE_READONLY": (
        "its file cannot be written",
        "check owner and mode of file and directory",
    ),
    "SQLITE_CORRUPT": ("its file is damaged", "restore it from a backup"),
    "SQLITE_NOTADB": ("its file is not a database", "restore it from a backup"),
}


class DuplicateRow(Exception):
    """A row with this key exists already."""


class Database:
    """A rule database by its URL.

    Promises: thread safe; `reading` sees one state from its first statement to its end; `writing`
        excludes other writers from its first statement on (SQLite) or by row locks.
    """

    def __init__(self, url: str) -> None:
        self._url = sqlalchemy.make_url(url)
        self._facade: Any = None
        self._keeper: Connection | None = None

    @property
    def name(self) -> str:
        """Give the place for messages, without a password."""
        return self._url.database or self._url.render_as_string(hide_password=True)

    def open(self) -> None:
        """Make the database reachable.

        Raises: StoreUnavailable: it cannot be opened.
        """
        facade = enginefacade.transaction_context()
        facade.configure(connection=_with_options(self._url), sqlite_fk=True, max_retries=0)
        engine = facade.writer.get_engine()
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "before_cursor_execute", _begin_immediate, retval=True)
        self._facade = facade
        with self._translated():
            # SQLite folds the log into the file whenever the last connection closes: one stays
            # open.
            self._keeper = engine.connect()

    def close(self) -> None:
        """Give back all connections; idempotent."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.close()
            self.engine.dispose()

    @property
    def engine(self) -> Engine:
        """Give SQLAlchemy's engine, of an open database."""
        engine: Engine = self._facade.writer.get_engine()
        return engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Run a body in a transaction that sees one state.

        Raises: StoreUnavailable: the database cannot be read.
        """
        options: dict[str, Any] = {}
        if self.engine.dialect.name != "sqlite":
            options["isolation_level"] = "REPEATABLE READ"
        with self._translated():
            engine = self.engine.execution_options(**options)
            with engine.connect() as connection, connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Run a body in a transaction that writes; it commits unless the body raises.

        Raises: StoreUnavailable: nothing was written; or, with outcome `unknown`, the commit was
            sent and not confirmed.
            DuplicateRow: a row with a key of this one exists; nothing was written.
        """
        with self._translated():
            engine = self.engine.execution_options(**{_WRITING: True})
            with engine.connect() as connection:
                transaction = connection.begin()
                try:
                    yield connection
                except BaseException:
                    transaction.rollback()
                    raise
                try:
                    transaction.commit()
                except (DBError, SQLAlchemyError) as error:
                    raise self._unavailable(error, "unknown") from error

    def _has_room(self) -> bool:
        """Tell whether the disk of an SQLite database has room for a few of its pages."""
        if self._url.get_backend_name() != "sqlite" or not self._url.database:
            return True
        try:
            return shutil.disk_usage(Path(self._url.database).parent).free >= _FEW_PAGES
        except OSError:
            return True

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBDuplicateEntry as error:
            raise DuplicateRow from error
        except (DBReferenceError, DBConstraintError) as error:
            raise InternalError(f"the rule database refused a row: {error}") from error
        except (DBError, SQLAlchemyError, sqlite3.Error) as error:
            raise self._unavailable(error, "not_written") from error

    def _unavailable(self, error: BaseException, outcome: Outcome) -> StoreUnavailable:
        cause, advice = _explain(error, has_room=self._has_room())
        done = "nothing was changed" if outcome == "not_written" else "the outcome is unknown"
        return StoreUnavailable(
            f"the rule database {self.name!r} is not available: {cause}; {done}; {advice}",
            outcome=outcome,
            cause=cause,
        )


def is_busy(error: StoreUnavailable) -> bool:
    """Tell whether somebody else held the database, so that a repetition may succeed at once."""
    return error.fields.get("cause") == _SQLITE_CAUSES["SQLITE_BUSY"][0]


def _with_options(url: sqlalchemy.URL) -> sqlalchemy.URL:
    if url.get_backend_name() == "sqlite":
        # Each transaction has a connection of its own; only `close` may come from another thread.
        return url.update_query_dict({"check_same_thread": "false"})
    if url.get_backend_name() in {"mysql", "mariadb"}:
        return url.update_query_dict({"charset": "utf8mb4"})
    return url


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    for statement in _SQLITE_SESSION:
        connection.execute(statement)


def _begin_immediate(
    connection: Connection,
    _cursor: object,
    statement: str,
    parameters: object,
    _context: object,
    _many: bool,
) -> tuple[str, object]:
    # Why not oslo.db's plain BEGIN: a reader that becomes a writer fails at once when another
    # writer was faster, however long the busy timeout is.
    if statement == "BEGIN" and connection.get_execution_options().get(_WRITING):
        return "BEGIN IMMEDIATE", parameters
    return statement, parameters


def _explain(error: BaseException, *, has_room: bool) -> tuple[str, str]:
    name = _sqlite_error_name(error)
    # SQLite maps a file beside the database into memory; where that finds no room it says IOERR.
    if name.startswith("SQLITE_IOERR") and not has_room:
        name = "SQLITE_FULL"
    for prefix, explanation in _SQLITE_CAUSES.items():
        if name.startswith(prefix):
            return explanation
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__), "repeat the request later"


def _sqlite_error_name(error: BaseException | None) -> str:
    while error is not None:
        origin = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(origin, sqlite3.Error):
            return getattr(origin, "sqlite_errorname", "")
        inner = error.inner_exception if isinstance(error, DBError) else None
        error = inner or error.__cause__ or error.__context__
    return ""
