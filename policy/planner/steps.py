"""What a plan is made of: each step turns bindings into bindings, lazily.

A binding is a tuple of ids; the plan fixes which variable or constant stands at which place. Steps
run in the thread that holds the engine's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Protocol

from ..language.ast import ComparisonOperator
from .failures import FailureLog
from .memo import Memo, Solutions
from .normal_form import Solve, TableKey
from .relation import Columns, Relation
from .symbols import Id, Symbols, Tuple

Binding = tuple[Id, ...]
Bindings = Iterable[Binding]
Picker = Callable[[Tuple], Any]

_BLOCK = 16_384
"""Rows between two looks at the limit: too few to fill the memory."""

_LAZY_STEPS = 50
"""Steps that may wait for each other, one inside of the other: each costs a frame of the stack."""

_BINDINGS_PER_ROW = 20
"""Bindings that a step may make for each row that a rule may derive: seconds of work."""


class LimitExceeded(Exception):
    """A rule derives, or joins on the way, more rows than it may; the text says which."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan runs against."""

    relations: Mapping[TableKey, Relation]
    symbols: Symbols
    memo: Memo
    max_rows: int
    failures: FailureLog = field(default_factory=FailureLog)
    """Takes the calls of builtins that failed."""

    def solver(self, builtin: str, solve: Solve) -> Callable[[tuple[Id, ...]], Solutions]:
        """Give the function from a builtin's inputs to its solutions; it notes failures."""
        solutions = self.memo.of(builtin, solve, self.symbols)
        note, decode = self.failures.note, self.symbols.decode

        def solved(inputs: tuple[Id, ...]) -> Solutions:
            found = solutions(inputs)
            if found.failure:
                note(builtin, found.failure, lambda: decode(inputs))
            return found

        return solved

    @property
    def max_bindings(self) -> int:
        """Give how many bindings one step may make."""
        return _BINDINGS_PER_ROW * self.max_rows


class Step(Protocol):
    """One step of a plan."""

    def run(self, context: Context, bindings: Bindings) -> Bindings:
        """Give the bindings that follow from those given."""
        ...


@dataclass(frozen=True, slots=True)
class Scan:
    """Extend each binding by the picked columns of every row."""

    table: TableKey
    picks: Columns
    same: tuple[tuple[int, int], ...] = ()
    """Pairs of columns that must hold the same value."""
    whole: bool = False
    """The picks are all columns in order."""

    def run(self, context: Context, bindings: Bindings) -> Bindings:
        """Give the bindings that follow from those given."""
        rows: AbstractSet[Tuple] = context.relations[self.table].rows
        if not self.whole:
            picked = map(picker(self.picks), _agreeing(rows, self.same))
            rows = collect(picked, context.max_rows)
        return _extended(bindings, rows, context.max_bindings)


@dataclass(frozen=True, slots=True)
class Probe:
    """Extend each binding by the picked columns of the rows that agree with it."""

    table: TableKey
    columns: Columns
    key: Columns
    """Places in the binding, one for each of `columns`."""
    picks: Columns
    same: tuple[tuple[int, int], ...] = ()

    def run(self, context: Context, bindings: Bindings) -> Bindings:
        """Give the bindings that follow from those given."""
        given = _if_any(bindings)
        if given is None:
            return
        find = context.relations[self.table].index(self.columns).get
        key_of, pick, same = itemgetter(*self.key), picker(self.picks), self.same
        made, limit = 0, context.max_bindings
        for binding in given:
            rows = find(key_of(binding))
            if rows is not None:
                made += len(rows)
                if made > limit:
                    raise LimitExceeded(f"it joins more than {limit} rows")
                for row in _agreeing(rows, same) if same else rows:
                    yield binding + pick(row)


@dataclass(frozen=True, slots=True)
class Exists:
    """Keep the bindings with which a row agrees; `wanted` False: with which none does."""

    table: TableKey
    columns: Columns
    key: Columns
    width: int
    wanted: bool = True

    def run(self, context: Context, bindings: Bindings) -> Bindings:
        """Give the bindings that follow from those given."""
        relation = context.relations[self.table]
        if not self.columns:
            return bindings if bool(relation.rows) is self.wanted else ()
        given = _if_any(bindings)
        if given is None:
            return ()
        if len(self.columns) == self.width:
            found: Any = relation.rows
            key_of = picker(self.key)
        else:
            found = relation.index(self.columns)
            key_of = itemgetter(*self.key)
        if self.wanted:
            return (binding for binding in given if key_of(binding) in found)
        return (binding for binding in given if key_of(binding) not in found)


@dataclass(frozen=True, slots=True)
class Compare:
    """Keep the bindings in which a comparison of two places holds."""

    operator: ComparisonOperator
    left: int
    right: int

    def run(self, context: Context, bindings: Bindings) -> Bindings:
        """Give the bindings that follow from those given."""
        left, right = self.left, self.right
        if self.operator == "=":
            return (b for b in bindings if b[left] == b[right])
        if self.operator == "!=":
            return (b for b in bindings if b[left] != b[right])
        holds, values = _ORDER[self.operator], context.symbols.values
        return (
            b
            for b in bindings
            if _comparable(x := values[b[left]], y := values[b[right]]) and holds(x, y)
        )


@dataclass(frozen=True, slots=True)
class Copy:
    """Extend each binding by the value of one of its places."""

    place: int

    def run(self, context: Context, bindings: Bindings) -> Bindings:  # noqa: ARG002
        """Give the bindings that follow from those given."""
        place = self.place
        return ((*b, b[place]) for b in bindings)


@dataclass(frozen=True, slots=True)
class Choose:
    """Extend each binding by each of some constants."""

    constants: frozenset[Id]

    def run(self, context: Context, bindings: Bindings) -> Bindings:  # noqa: ARG002
        """Give the bindings that follow from those given."""
        constants = self.constants
        return ((*b, constant) for b in bindings for constant in constants)


@dataclass(frozen=True, slots=True)
class Among:
    """Keep the bindings in which a place holds one of some constants, or none."""

    place: int
    constants: frozenset[Id]
    wanted: bool = True

    def run(self, context: Context, bindings: Bindings) -> Bindings:  # noqa: ARG002
        """Give the bindings that follow from those given."""
        place, constants, wanted = self.place, self.constants, self.wanted
        return (b for b in bindings if (b[place] in constants) is wanted)


@dataclass(frozen=True, slots=True)
class Compute:
    """Extend each binding by the new outputs of a builtin that agree with the bound ones."""

    builtin: str
    solve: Solve
    inputs: Columns
    tests: tuple[tuple[int, int], ...]
    """(number of an output, place in the binding that it must equal)."""
    picks: Columns
    """Numbers of the outputs that are new."""
    same: tuple[tuple[int, int], ...] = ()

    def run(self, context: Context, bindings: Bindings) -> Bindings:
        """Give the bindings that follow from those given."""
        solutions = context.solver(self.builtin, self.solve)
        inputs_of, pick, tests = picker(self.inputs), picker(self.picks), self.tests
        return (
            binding + pick(outputs)
            for binding in bindings
            for outputs in _agreeing(solutions(inputs_of(binding)), self.same)
            if all(outputs[number] == binding[place] for number, place in tests)
        )


@dataclass(frozen=True, slots=True)
class Fails:
    """Keep the bindings for which a builtin gives no outputs that agree with the bound ones."""

    builtin: str
    solve: Solve
    inputs: Columns
    tests: tuple[tuple[int, int], ...]

    def run(self, context: Context, bindings: Bindings) -> Bindings:
        """Give the bindings that follow from those given."""
        solutions = context.solver(self.builtin, self.solve)
        inputs_of, tests = picker(self.inputs), self.tests
        return (
            binding
            for binding in bindings
            if not any(
                all(outputs[number] == binding[place] for number, place in tests)
                for outputs in solutions(inputs_of(binding))
            )
        )


@dataclass(frozen=True, slots=True)
class Project:
    """Keep some places of the bindings, each result once.

    Without a variable left one binding is enough: nothing before it is asked for a second.
    """

    places: Columns
    has_variables: bool

    def run(self, context: Context, bindings: Bindings) -> Bindings:
        """Give the bindings that follow from those given."""
        kept = map(picker(self.places), bindings)
        if not self.has_variables:
            return islice(kept, 1)
        return collect(kept, context.max_rows)


def _if_any(bindings: Bindings) -> Bindings | None:
    """Give the bindings if there are any: an index, as large as its table, waits for the first."""
    given = iter(bindings)
    first = next(given, None)
    return None if first is None else chain((first,), given)


def _extended(bindings: Bindings, rows: Collection[Tuple], limit: int) -> Iterator[Binding]:
    made = 0
    for binding in bindings:
        made += len(rows)
        if made > limit:
            raise LimitExceeded(f"it joins more than {limit} rows")
        for row in rows:
            yield binding + row


def collect(rows: Iterable[Tuple], max_rows: int) -> set[Tuple]:
    """Gather rows, each once.

    Raises: LimitExceeded: there are more than `max_rows`.
    """
    left = iter(rows)
    gathered = set(islice(left, _BLOCK))
    while block := set(islice(left, _BLOCK)):
        gathered |= block
        if len(gathered) > max_rows:
            break
    if len(gathered) > max_rows:
        raise LimitExceeded(f"it derives more than {max_rows} rows")
    return gathered


def picker(places: Columns) -> Picker:
    """Give the function that takes these places of a tuple, always as a tuple."""
    if not places:
        return lambda _: ()
    if len(places) == 1:
        (place,) = places
        return lambda row: (row[place],)
    return itemgetter(*places)


def _agreeing(rows: Iterable[Tuple], same: tuple[tuple[int, int], ...]) -> Iterable[Tuple]:
    if not same:
        return rows
    return (row for row in rows if all(row[a] == row[b] for a, b in same))


_NUMBERS = (int, float)


def _comparable(left: object, right: object) -> bool:
    kind = type(left)
    if kind is str:
        return type(right) is str
    return kind in _NUMBERS and type(right) in _NUMBERS


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
}


def run_steps(steps: Iterable[Step], context: Context, start: Binding) -> Iterator[Binding]:
    """Run steps one after the other, from one binding.

    Raises: LimitExceeded: a step makes too many bindings, or so many would have to be kept.
    """
    bindings: Bindings = (start,)
    waiting = 0
    for step in steps:
        bindings = step.run(context, bindings)
        waiting = 0 if isinstance(step, Project) and step.has_variables else waiting + 1
        if waiting == _LAZY_STEPS:
            bindings = collect(bindings, context.max_rows)
            waiting = 0
    return iter(bindings)
