"""What `explain --data` answers: why a row is in a table or not, from files.

The verb itself asks the running system and is part of the console; it finds these by entry point.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from congress_dist.errors import NotFound, NotReady
from congress_dist.row import Cell

from ..language.policy_kinds import NONRECURSIVE
from ..row_order import row_order
from .workspace import open_workspace

if TYPE_CHECKING:
    from ..engine import Engine


def explain_files(
    policies: Sequence[Path],
    data: Path,
    *,
    table: str,
    row: Sequence[Cell],
    now: str | None = None,
    kind: str = NONRECURSIVE,
) -> dict[str, Any]:
    """Explain a row of the first policy, or of the one that `table` names as `policy:table`.

    Shapes: as the API answers: `derivation`, and `missing` with what keeps the table from being
        complete.
    Raises: NotFound: the row is not there; the message tells what is. NotReady: it is not known
        whether it is. Also as `open_workspace`.
    """
    engine, owner, name = _opened(policies, data, table, now=now, kind=kind)
    try:
        derivation = engine.explain(owner, name, row)
    except NotFound as error:
        missing = engine.missing(owner, name)
        if missing and engine.kind(owner) is not None:
            reasons = "; ".join(f"{table}: {reason}" for table, reason in missing.items())
            what = f"{error.message} as far as is known; incomplete: {reasons}"
            raise NotReady(what, missing=dict(missing)) from error
        rows = sorted(engine.rows(owner, name), key=row_order)
        has = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
        shown = f"; one is {json.dumps(rows[0], ensure_ascii=False):.200}" if rows else ""
        raise NotFound(f"{error.message}; the table has {has}{shown}", **error.fields) from error
    return {"derivation": derivation.to_wire(), "missing": engine.missing(owner, name)}


def why_not_files(
    policies: Sequence[Path],
    data: Path,
    *,
    table: str,
    row: Sequence[Cell],
    now: str | None = None,
    kind: str = NONRECURSIVE,
) -> dict[str, Any]:
    """Tell what keeps a row out of a table, named as for `explain_files`.

    Shapes: `why_not` with the table's `columns`, and `missing` as in `explain_files`.
    Raises: NotFound: no such policy or datasource, or it has no such table. InvalidRequest: the
        table has another width. Also as `open_workspace`.
    """
    engine, owner, name = _opened(policies, data, table, now=now, kind=kind)
    found = engine.why_not(owner, name, row).to_wire()
    found["columns"] = list(engine.columns(owner, name))
    return {"why_not": found, "missing": dict(found["missing"])}


def _opened(
    policies: Sequence[Path], data: Path, table: str, *, now: str | None, kind: str
) -> tuple[Engine, str, str]:
    """Give an engine, and the owner and name of a table.

    Raises: NotFound: the owner has no such table; the message tells those that it has.
    """
    workspace = open_workspace(policies, data, kind=kind)
    owner, mark, name = table.partition(":")
    if not mark:
        owner, name = workspace.main, table
    engine = workspace.engine(now=now)
    known = engine.tables(owner) if engine.kind(owner) is not None else [name]
    if name not in known:
        there = ", ".join(known) or "none"
        raise NotFound(f"{owner!r} has no table {name!r}; there are: {there}")
    return engine, owner, name
