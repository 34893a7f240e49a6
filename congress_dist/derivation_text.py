"""A row on the command line, and the tree that explains it, as the verbs read and print them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .formats import cell_text


def cell_of(text: str) -> Any:
    """Read one value of the command line: a JSON scalar, else the text itself."""
    try:
        value = json.loads(text, parse_constant=str)
    except ValueError:
        return text
    return text if isinstance(value, list | dict) else value


def tree_lines(node: Mapping[str, Any], first: str = "", rest: str = "") -> Iterator[str]:
    """Draw a derivation: each row with its rule, the rows that it rests on indented under it."""
    children = node["children"]
    yield f"{first}{_row_text(node)}"
    bar = "│ " if children else "  "
    yield from (f"{rest}{bar}{line}" for line in _reasons(node))
    for index, child in enumerate(children):
        is_last = index == len(children) - 1
        yield from tree_lines(
            child,
            rest + ("└─ " if is_last else "├─ "),
            rest + ("   " if is_last else "│  "),
        )


def _row_text(node: Mapping[str, Any]) -> str:
    cells = (
        f"{column}={cell_text(cell)}"
        for column, cell in zip(node["columns"], node["row"], strict=True)
    )
    return f"{node['policy']}:{node['table']}({', '.join(cells)})"


def _reasons(node: Mapping[str, Any]) -> Iterator[str]:
    if node["title"]:
        yield node["title"]
    lines = node["rule"].splitlines()
    yield from (f"by {line}" for line in lines[:1])
    yield from (f"   {line}" for line in lines[1:])
    yield from (f"no row matches {absence['atom']}" for absence in node["absences"])
    if node["is_cut"]:
        yield "more rows below are left out"
