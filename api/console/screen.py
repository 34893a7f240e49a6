"""The screen of `congress up` on a terminal: sources, violations by rule, commands to try next.

Everything is fitted to the terminal: rows per rule shrink first, then remediations are left out,
then rules are cut down to their titles. The commands are written so that the terminal breaks
them, not we: copied over several lines they are still one command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from types import TracebackType
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.console import Group as Stack
from rich.table import Table
from rich.text import Text

from congress_dist.formats import cell_text

from .view import Group, Source, View, groups_of, source_words, summary

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
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""The terminal's second screen without a cursor, and back."""
_HOME, _ERASE_LINE, _ERASE_BELOW = "\x1b[H", "\x1b[2K", "\x1b[J"


class Screen:
    """The terminal's second screen while the block runs; what was there before comes back."""

    def __init__(self, console: Console, out: TextIO) -> None:
        self._console = console
        self._out = out

    def __enter__(self) -> Screen:
        self._write(_ENTER)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._write(_LEAVE)

    def show(
        self, view: View, *, header: str, notes: Sequence[str] = (), hints: Sequence[str] = ()
    ) -> None:
        """Draw everything anew, in one write."""
        size = self._console.size
        below = _height(hints, size.width)
        top = render(view, header=header, notes=notes, below=below, size=size)
        self._draw(top, hints)

    def begin(self, header: str, notes: Sequence[str], sources: Sequence[Source]) -> None:
        """Draw what is known before anything is decided: the sources, as they come up."""
        above = [_line(header, "dim"), *(_line(note, "yellow") for note in notes)]
        parts = [*above, *_source_lines(sources, cut=True), Text(), Text("starting …")]
        self._draw(Stack(*parts), [])

    def _draw(self, top: RenderableType, hints: Sequence[str]) -> None:
        with self._console.capture() as capture:
            self._console.print(top)
        lines = capture.get().splitlines()
        # Ordering: erase before writing; after a full line the cursor still stands on it.
        drawn = "".join(f"{_ERASE_LINE}{line}\n" for line in lines)
        self._write(_HOME + drawn + _ERASE_BELOW + "\n".join(hints))

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def render(
    view: View,
    *,
    header: str = "",
    notes: Sequence[str] = (),
    below: int = 0,
    size: tuple[int, int] | None = None,
) -> RenderableType:
    """Give what stands above the commands.

    Shapes: `header` is the first line, `notes` follow it; `below` counts the lines of the
        commands; `size` is the terminal's (width, height), which is kept to; None means that all
        is shown.
    """
    groups = groups_of(view.violations)
    room = None if size is None else _room(view, [header, *notes], below, *size)
    parts: list[RenderableType] = [_line(header, "dim")] if header else []
    parts += [_line(note, "yellow") for note in notes]
    parts += [
        *_source_lines(view.sources, cut=size is not None),
        Text(),
        *_violation_parts(groups, _fit(groups, room)),
    ]
    parts += [Text(summary(view), style="bold"), *([Text()] if below else [])]
    return Stack(*parts)


def _room(view: View, above: Sequence[str], below: int, width: int, height: int) -> int:
    """Count the lines that are left for violations; long texts fold into several lines."""
    ruler = Console(width=width, file=StringIO())
    folded = sum(len(Text(text).wrap(ruler, width)) for text in [*above, summary(view)])
    return height - len(view.sources) - folded - below - _BLANK_LINES


def _height(hints: Sequence[str], width: int) -> int:
    return sum(max(1, -(-cell_len(hint) // width)) for hint in hints)


def _source_lines(sources: Sequence[Source], *, cut: bool) -> Iterator[Text]:
    width = max((cell_len(str(source["name"])) for source in sources), default=0)
    for source in sources:
        words = source_words(source)
        fine = words.startswith("ok") and ";" not in words
        line = Text(f"{source['name']:<{width}}  ")
        line.no_wrap, line.overflow = cut, "ellipsis" if cut else "fold"
        yield line.append(words, style="green" if fine else "yellow")


@dataclass(frozen=True, slots=True)
class _Fit:
    """How much of each rule is shown: so many with rows, the next ones by their titles."""

    full: int
    titles: int
    rows: int = ROWS_PER_RULE
    remediation: bool = True

    def lines(self, groups: Sequence[Group]) -> int:
        """Count the lines that this takes."""
        shown = groups[: self.full]
        rows = sum(2 + min(self.rows, len(g.rows)) + (len(g.rows) > self.rows) for g in shown)
        remedies = sum(bool(g.remediation) for g in shown) if self.remediation else 0
        return rows + remedies + self.titles


def _fit(groups: Sequence[Group], room: int | None) -> _Fit:
    """Choose what fits into `room` lines: every rule if that is possible, then rows."""
    count = len(groups)
    if room is None:
        return _Fit(count, 0)
    for fit in _candidates(count):
        if fit.lines(groups) <= room:
            return fit
    return _Fit(0, min(count, max(0, room - 1)))


def _candidates(count: int) -> Iterator[_Fit]:
    for full in range(count, 0, -1):
        for rows in range(ROWS_PER_RULE, 0, -1):
            yield _Fit(full, count - full, rows)
    for full in range(count, -1, -1):
        yield _Fit(full, count - full, 1, remediation=False)


def _violation_parts(groups: Sequence[Group], fit: _Fit) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for group in groups[: fit.full]:
        parts += _group_parts(group, fit)
    parts += [_title(group) for group in groups[fit.full : fit.full + fit.titles]]
    rest = len(groups) - fit.full - fit.titles
    if rest:
        more = "rule" if rest == len(groups) else "more rule"
        text = f"… {rest} {more}{'' if rest == 1 else 's'}: congress violation list"
        parts.append(Text(text, style="dim", no_wrap=True, overflow="ellipsis"))
    return parts


def _line(text: str, style: str) -> Text:
    return Text(text, style=style, overflow="fold")


def _title(group: Group) -> Text:
    return Text.assemble(
        (group.severity.upper(), _STYLE_BY_SEVERITY[group.severity]),
        f"  {group.rule}  {group.title} ({len(group.rows)})",
        no_wrap=True,
        overflow="ellipsis",
    )


def _group_parts(group: Group, fit: _Fit) -> list[RenderableType]:
    table = Table.grid(padding=(0, 2))
    for name in ("", *group.columns):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    table.add_row("", *(Text(name, style="dim") for name in group.columns))
    for row in group.rows[: fit.rows]:
        table.add_row("", *(Text(cell_text(cell)) for cell in row))
    parts: list[RenderableType] = [_title(group), table]
    if len(group.rows) > fit.rows:
        more = f"  … {len(group.rows) - fit.rows} more: {group.all_rows_command}"
        parts.append(Text(more, style="dim", no_wrap=True, overflow="ellipsis"))
    if group.remediation and fit.remediation:
        remedy = f"  → {group.remediation}"
        parts.append(Text(remedy, style="italic", no_wrap=True, overflow="ellipsis"))
    return parts
