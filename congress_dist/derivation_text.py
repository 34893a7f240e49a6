"""A row on the command line, and why it is there or not, as the verbs read and print them."""

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


def why_not_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Say what keeps a row away: under it each rule, what holds of it and what fails first."""
    row = _row_text(found)
    if found["is_present"]:
        yield f"{row} is there"
        return
    yield f"{row} is not there{', as far as is known' if found['missing'] else ''}"
    obstacles = found["obstacles"]
    if not obstacles:
        yield "   no rule could give it; the rows of this table are facts, or its datasource's"
    for index, obstacle in enumerate(obstacles):
        is_last = index == len(obstacles) - 1 and not found["is_cut"]
        first, *rest = _obstacle_lines(obstacle)
        yield f"{'└─' if is_last else '├─'} {first}"
        yield from (f"{'  ' if is_last else '│ '}    {line}" for line in rest)
    if found["is_cut"]:
        yield "└─ more rules are left out"


def _obstacle_lines(obstacle: Mapping[str, Any]) -> Iterator[str]:
    number = obstacle["alternative"]
    alternative = f"alternative {number} of " if number else ""
    lines = obstacle["rule"].splitlines()
    yield f"by {alternative}{lines[0]}"
    yield from (f"   {line}" for line in lines[1:])
    yield from (f"holds  {condition}" for condition in obstacle["holds"])
    because = _WHY[obstacle["because"]]
    fails = obstacle["fails"]
    missing = obstacle["missing"] or {}
    if missing:
        because = f"{because}: {', '.join(f'{table}: {why}' for table, why in missing.items())}"
    word = "unsure" if missing else "fails "
    yield f"{word} {fails}: {because}" if fails else f"{word} {because}"


_WHY = {
    "absence": "there is no such row",
    "presence": "there is such a row",
    "condition": "it does not hold",
    "ignorance": "not known",
    "value": "the rows of the group give another value",
    "head": "its head is another row",
}


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
