"""How the whole does, as plain data: readiness, sources, rules that wait or whose calls fail."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import timedelta
from typing import Any

from congress_dist.clock import utc_now
from congress_dist.protocol.source_status import SourceStatus, TableStatus
from congress_dist.protocol.stream import UNREAD

from .answers import failures, waiting_rules
from .provenance import FAILING, READY, UNAVAILABLE, WAITING, oldest, plain_position, worst_of
from .replica import Replica, State
from .sources import UNHEARD

_NOT_HEARD = TableStatus(state=UNREAD, source_age=None, stale=False, rows=0)


class StatusRequests:
    """The calls that tell how the system does; thread safe, answered in every state."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def status(self) -> dict[str, Any]:
        """Give readiness, revision, numbers, rules that wait or fail, and every source."""
        statuses, awaited = self._replica.sources.statuses(), self._replica.awaited()
        with self._replica.state() as state:
            sources = [
                _source(state, datasource.name, statuses.get(datasource.name, UNHEARD))
                for datasource in state.catalog.datasources()
            ]
            return {
                "revision": state.catalog.head.revision,
                "ready": not awaited,
                "reasons": sorted(awaited.values()),
                "rules": sum(1 for _ in state.catalog.rules()),
                "tables": len(_used_tables(state)),
                "waiting": [plain for _, plain in waiting_rules(state)],
                "failures": failures(state),
                "sources": sources,
            }

    def datasource_status(self, name: str) -> dict[str, Any]:
        """Give one source, with the keys that Congress has for it. Raises: NotFound."""
        statuses = self._replica.sources.statuses()
        with self._replica.state() as state:
            found = state.catalog.get_datasource(name).name
            source = _source(state, found, statuses.get(found, UNHEARD))
        age, position = source["age"], source["position"]
        is_bad = source["state"] in (FAILING, UNAVAILABLE)
        read_at = None if age is None else utc_now() - timedelta(seconds=age)
        return source | {
            "last_updated": str(read_at and read_at.replace(tzinfo=None)),
            "last_error": str((source["note"] or None) if is_bad else None),
            "number_of_updates": str(position[1] if position else 0),
            "initialized": str(position is not None),
            "subscriptions": [],
            "subscribers": [],
        }


def _used_tables(state: State) -> set[tuple[str, str]]:
    catalog = state.catalog
    names = [datasource.name for datasource in catalog.datasources()]
    return {(s, t) for s in names for t in catalog.dependencies.read_by_rules(s)}


def _source(state: State, name: str, status: SourceStatus) -> dict[str, Any]:
    wanted = {table for source, table in state.tables.wanted() if source == name}
    used = [status.tables.get(table, _NOT_HEARD) for table in sorted(wanted)]
    word, note = worst_of(used) if wanted else _unused(status)
    return {
        "name": name,
        "state": word,
        "note": note or _notes(used),
        "age": oldest(used or status.heard.values()),
        "position": plain_position(state.tables.position(name)),
        "tables": _tables(state, name, status, wanted),
        "counters": dict(status.counters),
    }


def _tables(
    state: State, name: str, status: SourceStatus, wanted: Set[str]
) -> dict[str, dict[str, Any]]:
    """Give all tables of a source: the wanted ones as held, the others as its node heard."""
    known = state.catalog.schemas(state.catalog.get_datasource(name))
    return {
        table: _table((status.tables if table in wanted else status.heard).get(table, _NOT_HEARD))
        | {"wanted": table in wanted}
        for table in sorted(wanted | known.keys())
    }


def _unused(status: SourceStatus) -> tuple[str, str]:
    return (READY, "no rule reads its tables") if status.heard else (WAITING, "")


def _notes(tables: Iterable[TableStatus]) -> str:
    notes = {table.state.reason or table.state.note for table in tables} - {""}
    return "; ".join(sorted(notes))


def _table(status: TableStatus) -> dict[str, Any]:
    return {
        "state": worst_of([status])[0],
        "reason": status.state.reason,
        "note": status.state.note,
        "rows": status.rows,
        "source_age": status.source_age,
        "stale": status.stale,
    }
