"""Datasources as configured, their schemas and how they are. Secrets are never answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from congress_dist.errors import NotFound

from ..exchange import Answer, Request

_SOURCE_KEYS = ("id", "name", "driver", "description", "type", "enabled", "config")
_CONGRESS_STATUS_KEYS = ("last_updated", "last_error", "number_of_updates", "initialized")
_CONGRESS_STATUS_LISTS = ("subscriptions", "subscribers")


async def list_datasources(request: Request) -> Answer:
    """Answer GET /v1/data-sources."""
    return Answer({"results": [_item(d) for d in await request.policy.datasource_list()]})


async def show_datasource(request: Request, datasource: str) -> Answer:
    """Answer GET /v1/data-sources/{d}."""
    return Answer(_item(await request.policy.datasource_get(datasource)))


async def show_schema(request: Request, datasource: str) -> Answer:
    """Answer GET …/schema."""
    schema = await request.policy.datasource_schema(datasource)
    return Answer({"tables": [_table(request, table) for table in schema["tables"]]})


async def show_table_spec(request: Request, datasource: str, table: str) -> Answer:
    """Answer GET …/tables/{t}/spec: the schema of one table.

    Raises: NotFound: the datasource has no such table.
    """
    schema = await request.policy.datasource_schema(datasource)
    for found in schema["tables"]:
        if found["table_id"] == table:
            return Answer(_table(request, found))
    raise NotFound(
        f"datasource '{datasource}' has no table '{table}'; list them with: "
        f"congress datasource list",
        datasource=datasource,
        table=table,
    )


async def show_status(request: Request, datasource: str) -> Answer:
    """Answer GET …/status: Congress's keys as text at 1.0, everything from 1.1."""
    status = await request.policy.datasource_status(datasource)
    if not request.is_congress:
        return Answer(status)
    body: dict[str, Any] = {key: str(status[key]) for key in _CONGRESS_STATUS_KEYS}
    return Answer(body | {key: list(status[key]) for key in _CONGRESS_STATUS_LISTS})


def _item(datasource: Mapping[str, Any]) -> dict[str, Any]:
    item = {key: datasource[key] for key in _SOURCE_KEYS}
    return item | {"description": item["description"] or None}


def _table(request: Request, table: Mapping[str, Any]) -> dict[str, Any]:
    if not request.is_congress:
        return dict(table)
    columns = [
        {"name": column["name"], "description": column["description"] or None}
        for column in table["columns"]
    ]
    return {"table_id": table["table_id"], "columns": columns}
