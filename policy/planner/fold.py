"""Aggregates: rows of (group, aggregated values) become one row for each group."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet

from congress_dist.row import MAX_INT, MIN_INT, Cell

from ..language.builtins import BuiltinFailure
from .failures import FailureLog
from .normal_form import Aggregation, Fold
from .steps import picker
from .symbols import Id, Symbols, Tuple

_EXACT_BITS = 1074
"""Every finite float is an integer multiple of two to the power of minus this."""


def fold_rows(
    fold: Fold, rows: AbstractSet[Tuple], symbols: Symbols, failures: FailureLog
) -> set[Tuple]:
    """Give one row for each group of rows; a group with an aggregate that fails has none.

    Promises: the order of the rows never matters.
    Cost: the rows, times the aggregates.
    """
    members_by_group: dict[Tuple, list[Tuple]] = {}
    for row in rows:
        members_by_group.setdefault(row[: fold.groups], []).append(row)
    folded = set()
    for group, members in members_by_group.items():
        folded_row = _row_of(fold, group, members, symbols, failures)
        if folded_row is not None:
            folded.add(folded_row)
    return folded


def _row_of(
    fold: Fold,
    group: Tuple,
    members: Collection[Tuple],
    symbols: Symbols,
    failures: FailureLog,
) -> Tuple | None:
    cells: list[Id] = []
    for part in fold.parts:
        if isinstance(part, int):
            cells.append(group[part])
            continue
        try:
            cells.append(symbols.intern(_aggregate(part, members, symbols)))
        except BuiltinFailure as error:
            failures.note(part.function, str(error), lambda: symbols.decode(group))
            return None
    return tuple(cells)


def _aggregate(part: Aggregation, members: Iterable[Tuple], symbols: Symbols) -> Cell:
    distinct = set(map(picker(part.columns), members))
    if part.function == "count":
        return len(distinct)
    return _FUNCTIONS[part.function]([symbols.values[row[0]] for row in distinct])


def _sum(values: Collection[Cell]) -> Cell:
    numbers = _numbers(values)
    if all(isinstance(number, int) for number in numbers):
        total = sum(numbers)
        if not MIN_INT <= total <= MAX_INT:
            raise BuiltinFailure("the sum does not fit into 64 bits")
        return total
    return _quotient(_exact_sum(numbers), 1)


def _average(values: Collection[Cell]) -> Cell:
    numbers = _numbers(values)
    return _quotient(_exact_sum(numbers), len(numbers))


def _numbers(values: Iterable[Cell]) -> list[int | float]:
    numbers = []
    for value in values:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise BuiltinFailure("a value is not a number")
        numbers.append(value)
    return numbers


def _exact_sum(numbers: Iterable[int | float]) -> int:
    """Give the sum in units of two to the power of -1074, without any rounding."""
    total = 0
    for number in numbers:
        numerator, denominator = number.as_integer_ratio()
        total += numerator << (_EXACT_BITS + 1 - denominator.bit_length())
    return total


def _quotient(total: int, count: int) -> float:
    # Python divides integers of any size with one, correct rounding.
    try:
        return total / (count << _EXACT_BITS) + 0.0
    except OverflowError:
        raise BuiltinFailure("the result is too large") from None


def _least(values: Collection[Cell]) -> Cell:
    return min(_comparable(values), key=_rank)


def _greatest(values: Collection[Cell]) -> Cell:
    # Of 1 and 1.0, which are equally great, the integer is given, as by min.
    return max(_comparable(values), key=lambda value: (value, isinstance(value, int)))


def _rank(value: int | float | str) -> tuple[int | float | str, bool]:
    return value, isinstance(value, float)


def _comparable(values: Collection[Cell]) -> list[int | float | str]:
    """Give values that are all numbers or all text."""
    if all(isinstance(value, str) for value in values):
        return list(values)  # type: ignore[arg-type]
    if any(isinstance(value, str) for value in values):
        raise BuiltinFailure("numbers and text are mixed")
    return _ordered_numbers(values)


def _ordered_numbers(values: Iterable[Cell]) -> list[int | float | str]:
    numbers: list[int | float | str] = []
    for value in values:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise BuiltinFailure("a value has no order")
        numbers.append(value)
    return numbers


_FUNCTIONS: dict[str, Callable[[Collection[Cell]], Cell]] = {
    "sum": _sum,
    "avg": _average,
    "min": _least,
    "max": _greatest,
}
