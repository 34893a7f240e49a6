"""The screen of `congress up` on a terminal: sources, violations by rule, commands to try next.

Everything is fitted to the terminal: rows per rule shrink first, then whole rules are summed up.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Group as Stack
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from .view import Group, View, cell_text, groups_of, source_words, summary

ROWS_PER_RULE = 10
_STYLE_BY_SEVERITY = {
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "low": "cyan",
    "info": "dim",
}
_BLANK_LINES = 3
"""After the sources, after the summary, and the last line, where the cursor stands."""


def render(
    view: View, *, header: str, hints: Sequence[str], size: tuple[int, int] | None
) -> RenderableType:
    """Give the whole screen.

    Shapes: `header` is the first line; `hints` are the last ones; `size` is the terminal's
        (width, height), which is kept to; None means that all is shown.
    """
    groups = groups_of(view.violations)
    room = None if size is None else _room(view, header, hints, *size)
    parts: list[RenderableType] = [Text(header, style="dim"), _sources_table(view), Text()]
    parts += _violation_parts(groups, room)
    parts += [Text(summary(view), style="bold"), Text()]
    parts += [Text(hint, overflow="fold") for hint in hints]
    return Stack(*parts)


def _room(view: View, header: str, hints: Sequence[str], width: int, height: int) -> int:
    """Count the lines that are left for violations; long texts fold into several lines."""
    folding = [header, summary(view), *hints]
    folded = sum(max(1, -(-cell_len(text) // width)) for text in folding)
    # Words are not cut, so a folding line may need one more than its length tells.
    spare = sum(cell_len(text) > width for text in folding)
    return height - len(view.sources) - folded - spare - _BLANK_LINES


def _sources_table(view: View) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="ellipsis", no_wrap=True)
    for source in view.sources:
        words = source_words(source)
        fine = words.startswith("ok") and ";" not in words
        table.add_row(str(source["name"]), Text(words, style="green" if fine else "yellow"))
    return table


def _violation_parts(groups: Sequence[Group], room: int | None) -> list[RenderableType]:
    shown, rows = _fit(groups, room)
    parts: list[RenderableType] = []
    for group in groups[:shown]:
        parts += _group_parts(group, rows)
    if shown < len(groups):
        rest = len(groups) - shown
        parts.append(Text(f"… {rest} more rules: congress violation list", style="dim"))
    return parts


def _fit(groups: Sequence[Group], room: int | None) -> tuple[int, int]:
    """Choose how many rules and how many rows of each fit into `room` lines."""
    if room is None:
        return len(groups), ROWS_PER_RULE
    for rows in range(ROWS_PER_RULE, 0, -1):
        if sum(_lines_of(group, rows) for group in groups) <= room:
            return len(groups), rows
    used = shown = 0
    for group in groups:
        used += _lines_of(group, 1)
        if used > room - 1:
            break
        shown += 1
    return shown, 1


def _lines_of(group: Group, rows: int) -> int:
    more = len(group.rows) > rows
    return 2 + min(rows, len(group.rows)) + more + bool(group.remediation)


def _group_parts(group: Group, rows: int) -> list[RenderableType]:
    title = Text.assemble(
        (group.severity.upper(), _STYLE_BY_SEVERITY[group.severity]),
        f"  {group.rule}  {group.title} ({len(group.rows)})",
    )
    table = Table.grid(padding=(0, 2))
    for name in ("", *group.columns):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    table.add_row("", *(Text(name, style="dim") for name in group.columns))
    for row in group.rows[:rows]:
        table.add_row("", *(Text(cell_text(cell)) for cell in row))
    parts: list[RenderableType] = [title, table]
    if len(group.rows) > rows:
        more = len(group.rows) - rows
        parts.append(Text(f"  … {more} more: {group.all_rows_command}", style="dim"))
    if group.remediation:
        parts.append(Text(f"  → {group.remediation}", style="italic", overflow="ellipsis"))
    return parts
