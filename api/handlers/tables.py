"""Tables of policies and of datasources: which there are, and from 1.1 their columns."""

from __future__ import annotations

from typing import Any

from ..exchange import Answer, Request


async def list_policy_tables(request: Request, policy: str) -> Answer:
    """Answer GET /v1/policies/{p}/tables."""
    return await _list(request, policy)


async def list_datasource_tables(request: Request, datasource: str) -> Answer:
    """Answer GET /v1/data-sources/{d}/tables."""
    return await _list(request, await datasource_name(request, datasource))


async def show_policy_table(request: Request, policy: str, table: str) -> Answer:
    """Answer GET /v1/policies/{p}/tables/{t}."""
    return await _show(request, policy, table)


async def show_datasource_table(request: Request, datasource: str, table: str) -> Answer:
    """Answer GET /v1/data-sources/{d}/tables/{t}."""
    return await _show(request, await datasource_name(request, datasource), table)


async def datasource_name(request: Request, datasource: str) -> str:
    """Give the name of a datasource that is given by name or id.

    Raises: NotFound: there is none; a policy of that name does not count.
    """
    found = await request.policy.datasource_get(datasource)
    return str(found["name"])


async def _list(request: Request, owner: str) -> Answer:
    tables = await request.policy.table_list(owner)
    return Answer({"results": [{"id": table} for table in tables]})


async def _show(request: Request, owner: str, table: str) -> Answer:
    found = await request.policy.table_get(owner, table)
    item: dict[str, Any] = {"id": found["id"]}
    if not request.is_congress:
        item["columns"] = found["columns"]
    return Answer(item)
