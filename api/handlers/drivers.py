"""Drivers that are installed: what each needs and gives, read from the classes themselves.

They are found by entry point, so this imports no driver by name and makes none.
"""

from __future__ import annotations

import asyncio
import logging
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from congress_dist.errors import NotFound

from ..exchange import Answer, Request

LOG = logging.getLogger(__name__)
GROUP = "congress_dist.drivers"


async def list_drivers(request: Request) -> Answer:  # noqa: ARG001
    """Answer GET /v1/system/drivers."""
    drivers = await asyncio.to_thread(_descriptions)
    return Answer(
        {"results": [{"id": d["id"], "description": d["description"]} for d in drivers.values()]}
    )


async def show_driver(request: Request, driver: str) -> Answer:  # noqa: ARG001
    """Answer GET /v1/system/drivers/{d}.

    Raises: NotFound: no such driver is installed.
    """
    drivers = await asyncio.to_thread(_descriptions)
    if driver not in drivers:
        raise NotFound(
            f"driver '{driver}' is not installed; there are: {', '.join(drivers)}", driver=driver
        )
    return Answer(drivers[driver])


@cache
def _descriptions() -> dict[str, dict[str, Any]]:
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    described = ((entry.name, _description(entry)) for entry in found)
    return {name: description for name, description in described if description is not None}


def _description(entry: EntryPoint) -> dict[str, Any] | None:
    try:
        driver = entry.load()
    except ImportError as error:
        LOG.warning(
            "driver left out, its module cannot be imported driver=%s error=%s", entry.name, error
        )
        return None
    return {
        "id": entry.name,
        "description": driver.description,
        "config": {o.name: "required" if o.required else "(optional)" for o in driver.options},
        "secret": [option.name for option in driver.options if option.secret],
        "tables": [
            {
                "table_id": table,
                "columns": [
                    {"name": column.name, "description": column.description or None}
                    for column in schema.columns
                ],
            }
            for table, schema in driver.tables.items()
        ],
    }
