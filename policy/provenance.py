"""What an answer rests on: the revision, how old each source is, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from congress_dist.errors import NotReady
from congress_dist.protocol.source_status import SourceStatus, TableStatus
from congress_dist.protocol.stream import Position, StateKind

from .planner.normal_form import TableKey
from .replica import State
from .sources import UNHEARD

READY, PARTIAL, STALE, FAILING, WAITING, UNAVAILABLE = STATES = (
    "ready",
    "partial",
    "stale",
    "failing",
    "waiting",
    "unavailable",
)
"""What a table or source is called, from best to worst."""

_WORD_BY_KIND = {
    StateKind.READY: READY,
    StateKind.FAILING: FAILING,
    StateKind.UNREAD: WAITING,
    StateKind.UNAVAILABLE: UNAVAILABLE,
}


class Provenance:
    """What one answer says about its origin.

    Shapes: `statuses` were read before the state was held, so ages are a moment older than rows.
    """

    def __init__(self, state: State, statuses: Mapping[str, SourceStatus]) -> None:
        self._state = state
        self._statuses = statuses

    def of(self, tables: Iterable[TableKey]) -> dict[str, Any]:
        """Give `revision`, `as_of` and `missing` of an answer from these tables."""
        wanted = list(tables)
        return {
            "revision": self._state.catalog.head.revision,
            "as_of": self._as_of(wanted),
            "missing": self.missing(wanted),
        }

    def missing(self, tables: Iterable[TableKey]) -> dict[str, str]:
        """Give what keeps any of the tables from being complete."""
        missing: dict[str, str] = {}
        for owner, table in tables:
            missing |= self._state.engine.missing(owner, table)
        return missing

    def refuse_awaited(self, tables: Iterable[TableKey], awaited: Mapping[str, str]) -> None:
        """Refuse an answer that needs a source whose stream is not live yet, after a start.

        Raises: NotReady: with the sources and reasons in `missing`.
        """
        needed = {source for source, _ in self._state.catalog.dependencies.below(tables)}
        missing = {source: why for source, why in awaited.items() if source in needed}
        if missing:
            raise NotReady("; ".join(missing.values()), missing=missing)

    def _as_of(self, tables: Iterable[TableKey]) -> dict[str, dict[str, Any]]:
        by_source: dict[str, list[str]] = {}
        for owner, table in sorted(self._state.catalog.dependencies.below(tables)):
            if self._state.catalog.find_datasource(owner) is not None:
                by_source.setdefault(owner, []).append(table)
        return {source: self._source(source, used) for source, used in by_source.items()}

    def _source(self, source: str, tables: Iterable[str]) -> dict[str, Any]:
        status = self._statuses.get(source, UNHEARD)
        used = [status.tables[table] for table in tables if table in status.tables]
        word, reason = worst_of(used)
        return {
            "position": plain_position(self._state.tables.position(source)),
            "link_age": status.link_age,
            "source_age": oldest(used),
            "state": word,
            "reason": reason,
            "stale": any(table.stale for table in used),
        }


def word_of(table: TableStatus) -> str:
    """Give the one word for a table's state."""
    word = _WORD_BY_KIND[table.state.kind]
    if word == WAITING and table.state.reason:
        word = FAILING  # it was tried: not read yet, and not about to be
    if word == READY and table.stale:
        return STALE
    return PARTIAL if word == READY and table.state.note else word


def worst_of(tables: Iterable[TableStatus]) -> tuple[str, str]:
    """Give the worst word and its reason or note; of nothing, that data is waited for."""
    words = [(word_of(table), table.state.reason or table.state.note) for table in tables]
    return max(words, key=lambda found: STATES.index(found[0]), default=(WAITING, ""))


def oldest(tables: Iterable[TableStatus]) -> float | None:
    """Give the age in seconds of the table that was read longest ago, if any was."""
    return max((t.source_age for t in tables if t.source_age is not None), default=None)


def plain_position(position: Position | None) -> list[int] | None:
    """Give a position as plain values."""
    return None if position is None else list(position)
