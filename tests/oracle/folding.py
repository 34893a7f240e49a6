"""Aggregates by their definition: exact, over the distinct values of each group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

from congress_dist.policy.planner.normal_form import Fold
from congress_dist.row import MAX_INT, MIN_INT, Cell

from .symbols import IdRow, Symbols


def fold(how: Fold, rows: Iterable[IdRow], symbols: Symbols) -> set[IdRow]:
    """Give one row for each group in which every aggregate has a value."""
    groups: defaultdict[IdRow, list[IdRow]] = defaultdict(list)
    for row in rows:
        groups[row[: how.groups]].append(row)
    folded = set()
    for group, members in groups.items():
        cells: list[int | None] = []
        for part in how.parts:
            if isinstance(part, int):
                cells.append(group[part])
                continue
            distinct = {tuple(member[column] for column in part.columns) for member in members}
            found = _aggregate(part.function, [symbols.values[row[0]] for row in distinct])
            cells.append(None if found is None else symbols.intern(found))
        if None not in cells:
            folded.add(tuple(cells))
    return folded  # type: ignore[return-value]


def _aggregate(function: str, values: Sequence[Cell]) -> Cell:
    """Give the value of an aggregate over some values; None when it has none."""
    if function == "count":
        return len(values)
    kinds = {type(value) for value in values}
    if function in ("min", "max"):
        if kinds != {str} and not kinds <= {int, float}:
            return None
        best = (min if function == "min" else max)(values)  # type: ignore[type-var]
        equal = [value for value in values if value == best]
        return next((value for value in equal if type(value) is int), equal[0])
    if not kinds <= {int, float}:
        return None
    total = sum((Fraction(value) for value in values), Fraction(0))  # type: ignore[arg-type]
    if function == "sum" and kinds == {int}:
        return int(total) if MIN_INT <= total <= MAX_INT else None
    try:
        return float(total / (len(values) if function == "avg" else 1)) + 0.0
    except OverflowError:
        return None
