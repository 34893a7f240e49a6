"""What `explain --data` answers: why a row is in a table, from files.

The verb itself asks the running system and is part of the console; it finds this by entry point.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from congress_dist.errors import NotFound, NotReady
from congress_dist.row import Cell

from ..language.counts import counted
from ..language.policy_kinds import NONRECURSIVE
from ..row_order import row_order
from .workspace import open_workspace


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
    workspace = open_workspace(policies, data, kind=kind)
    engine = workspace.engine(now=now)
    owner, mark, name = table.partition(":")
    if not mark:
        owner, name = workspace.main, table
    try:
        derivation = engine.explain(owner, name, row)
    except NotFound as error:
        missing = engine.missing(owner, name)
        if missing and engine.kind(owner) is not None:
            reasons = "; ".join(f"{table}: {reason}" for table, reason in missing.items())
            what = f"{error.message} as far as is known; incomplete: {reasons}"
            raise NotReady(what, missing=dict(missing)) from error
        rows = sorted(engine.rows(owner, name), key=row_order)
        has = counted(len(rows), "row")
        shown = f"; one is {json.dumps(rows[0], ensure_ascii=False):.200}" if rows else ""
        raise NotFound(f"{error.message}; the table has {has}{shown}", **error.fields) from error
    return {"derivation": derivation.to_wire(), "missing": engine.missing(owner, name)}
