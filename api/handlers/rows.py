"""Rows of tables: what is certain, and which sources keep the rest from being known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from congress_dist.errors import InvalidRequest, NotReady

from ..exchange import Answer, Request, meta_of
from .tables import datasource_name

DEFAULT_PAGE_ROWS = 1000
MAX_PAGE_ROWS = 10_000


async def list_policy_rows(request: Request, policy: str, table: str) -> Answer:
    """Answer GET /v1/policies/{p}/tables/{t}/rows."""
    return await _list(request, policy, table, trace=request.flag("trace"))


async def list_datasource_rows(request: Request, datasource: str, table: str) -> Answer:
    """Answer GET …/tables/{t}/rows of a datasource; no rule made them: `trace` tells nothing."""
    return await _list(request, await datasource_name(request, datasource), table, trace=False)


async def replace_policy_rows(request: Request, policy: str, table: str) -> Answer:
    """Answer PUT …/rows of a policy.

    Raises: InvalidRequest: always; rows of policies come from rules.
    """
    await request.policy.table_get(policy, table)
    raise InvalidRequest(f"table '{policy}:{table}' is made by rules; its rows cannot be replaced")


async def _list(request: Request, owner: str, table: str, *, trace: bool) -> Answer:
    options: dict[str, Any] = {"trace": trace}
    if request.is_congress:
        return _congress_rows(await request.policy.row_list(owner, table, **options), table)
    limit = request.number("limit", default=DEFAULT_PAGE_ROWS, low=1, high=MAX_PAGE_ROWS)
    options |= {"limit": limit, "marker": request.text("marker")}
    found = await request.policy.row_list(owner, table, **options)
    body = _body(found) | {"columns": found["columns"]}
    if found.get("next") is not None:
        body["next"] = f"{request.raw.path}?limit={limit}&marker={quote(str(found['next']))}"
    return Answer(body, meta=meta_of(found))


def _congress_rows(found: Mapping[str, Any], table: str) -> Answer:
    """Answer as Congress would, but never with an empty list that only means "not known".

    Raises: NotReady: the table is incomplete and no row is certain.
    """
    if found["missing"] and not found["rows"]:
        sources = ", ".join(f"{name} ({why})" for name, why in sorted(found["missing"].items()))
        raise NotReady(
            f"no row of table '{table}' is known: {sources}",
            missing=found["missing"],
            coming=found["coming"],
        )
    return Answer(_body(found), meta=meta_of(found))


def _body(found: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"results": [{"data": row} for row in found["rows"]]}
    if found.get("trace") is not None:
        body["trace"] = found["trace"]
    return body
