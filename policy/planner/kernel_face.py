"""The kernel of one engine with everything that tells it what to do."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakMethod

from congress_dist.row import Cell

from ..kernel import CellRefused, Kernel, LimitExceeded, Plan, PreparedQuery
from ..language.names import table_name
from .answers import Changes, Row
from .closure import find_closure
from .compiler import Numbers, PlanData, compile_body
from .estimates import Estimates
from .internal_key import InternalKey
from .journal import Journal
from .kernel_builtins import KernelBuiltins
from .kernel_plans import KernelPlans, Kind
from .kernel_program import KernelProgram, Owner
from .kernel_tables import KernelTables
from .normal_form import NormalLiteral, TableKey, Term
from .symbols import Id, Symbols, Tuple

_BINDINGS_PER_ROW = 20
"""Bindings that a step may make for each row that a rule may derive: seconds of work."""
ALL_ROWS = 2**32 - 1
"""More rows than there can be."""
_MANY_ROWS = 100
"""Rows in one change that may make a table another magnitude."""


class RowsRefused(Exception):
    """A table was given a row that no table may hold.

    Shapes: `column` is the number of columns when `row` has another width or is none; else `row`
        is not told.
    """

    def __init__(self, table: TableKey, width: int, row: object, why: CellRefused) -> None:
        super().__init__(table, row, why)
        self.table = table
        self.width = width
        self.row = row
        self.reason, self.number, self.column = why.args


class AdHocPlan:
    """A plan that is run when somebody asks, and not kept right."""

    def __init__(self, kernel: Kernel, plan: Plan) -> None:
        self._kernel = kernel
        self._plan = plan

    def rows(self, given: Sequence[Id] = ()) -> list[Row]:
        """Give the rows, each once, as values. Raises: LimitExceeded."""
        return self._kernel.query(self._plan, given)

    def let_answer(self, prepared: PreparedQuery) -> None:
        """Let a prepared query be answered by this plan until what names mean is changed."""
        prepared.adopt(self._plan)

    def ids(self, given: Sequence[Id] = (), most: int = ALL_ROWS) -> list[Tuple]:
        """Give the rows, each once, as ids; not many more than `most`. Raises: LimitExceeded."""
        return self._kernel.query_ids(self._plan, given, most)

    def failures(self) -> list[tuple[str, str, int, Row]]:
        """Give the calls of builtins that failed when it was last run."""
        return self._plan.failures()


class Wide(Protocol):
    """What knows the width of a table."""

    width: int


class KernelFace:
    """Tables, rules and questions in terms of the policy language, carried out by the kernel."""

    def __init__(self, max_rows: int) -> None:
        # The kernel holds what it calls, and the collector of cycles does not see through it.
        planning, finding = WeakMethod(self._plan), WeakMethod(self._closure)
        self.kernel = Kernel(
            lambda rule, kind, literal: planning()(rule, kind, literal),  # type: ignore[misc]
            lambda rules: finding()(rules),  # type: ignore[misc]
        )
        self.kernel.set_limits(max_rows, _BINDINGS_PER_ROW * max_rows)
        self.journal = Journal(self.kernel)
        self.symbols = Symbols(self.kernel)
        self.tables = KernelTables(self.kernel, self.journal)
        self._builtins = KernelBuiltins(self.kernel)
        self.program = KernelProgram(
            self.kernel, self.tables, self._builtins, self.symbols, self.journal
        )
        self.estimates = Estimates(self.kernel, self.tables, self.program)
        self.size, self.fan_out = self.estimates.size, self.estimates.fan_out
        self._numbers = Numbers(self._relation_of, self._builtins.number, self.estimates.search)
        self.plans = KernelPlans(self._numbers, self.estimates)

    # --- tables

    def rows(self, table: object, width: int) -> list[Row]:
        """Give the rows of a table as values; of one that does not exist none."""
        number = self.tables.find(table, width)
        return [] if number is None else self.kernel.rows(number)

    def page(self, table: object, width: int, limit: int, after: Sequence[Id] | None) -> list[Row]:
        """Give the first rows of a table in order, of those behind a row; of no table none."""
        number = self.tables.find(table, width)
        return [] if number is None else self.kernel.page(number, after, limit)

    def footing(self, table: object, width: int) -> tuple[int | None, int]:
        """Give what plans that read a table rest on: its relation, its size in steps of 8."""
        return self.tables.find(table, width), self.size(table, width).bit_length() // 3

    def has(self, table: object, row: Sequence[Id]) -> bool:
        """Tell whether a table has a row of ids."""
        number = self.tables.find(table, len(row))
        return number is not None and self.kernel.has(number, row)

    def height(self, table: object, row: Sequence[Id]) -> int:
        """Give the height of a row that a recursive table has: it follows from lower ones."""
        return self.kernel.height(self.tables.number(table, len(row)), row)

    def are_together(self, *tables: tuple[object, int]) -> bool:
        """Tell whether the rules that run make tables, by key and width, depend on each other."""
        first, *others = (self.tables.find(*table) for table in tables)
        component = None if first is None else self.program.component(first)
        if component is None or not component.is_recursive:
            return False
        return all(other in component.tables for other in others)

    def replace(self, table: TableKey, width: int, rows: Sequence[Sequence[Cell]]) -> None:
        """Give a base table its rows, within the present step. Raises: RowsRefused."""
        number = self.tables.number(table, width)
        with _refusing(table, width, rows):
            self.kernel.replace(number, rows)
        self.estimates.note_load(number)

    def change(
        self,
        table: TableKey,
        width: int,
        added: Sequence[Sequence[Cell]],
        removed: Sequence[Sequence[Cell]],
    ) -> None:
        """Add and remove rows of a base table, within the present step. Raises: RowsRefused."""
        number = self.tables.number(table, width)
        with _refusing(table, width, removed):
            self.kernel.change(number, (), removed)
        with _refusing(table, width, added):
            self.kernel.change(number, added, ())
        if len(added) > _MANY_ROWS:
            self.estimates.note_load(number)

    def change_ids(
        self, table: object, width: int, added: Sequence[Tuple], removed: Sequence[Tuple]
    ) -> None:
        """Add and remove rows of ids, within the present step."""
        self.kernel.change_ids(self.tables.number(table, width), added, removed)

    def step(
        self,
        added: Mapping[TableKey, Sequence[Sequence[Cell]]],
        removed: Mapping[TableKey, Sequence[Sequence[Cell]]],
        tables: Mapping[TableKey, Wide],
    ) -> Changes:
        """Change base tables and bring the others up to date, where no rule comes or goes.

        Promises: when it raises, nothing has changed.
        Raises: CellRefused: of some table; `change` tells which. LimitExceeded.
        """
        given: list[tuple[int, Iterable[Sequence[Cell]], Iterable[Sequence[Cell]]]] = []
        number_of = self.tables.number
        for table, rows in added.items():
            number = number_of(table, tables[table].width)
            if len(rows) > _MANY_ROWS:
                self.estimates.note_load(number, len(rows))
            given.append((number, rows, removed.get(table, ())))
        for table, rows in removed.items():
            if table not in added:
                given.append((number_of(table, tables[table].width), (), rows))
        changes, outgrown = self.kernel.step(given)
        if outgrown or self.estimates.is_moving:
            self.estimates.note_step(outgrown)
        return changes

    def finish_step(self, shown: Container[TableKey]) -> Changes:
        """Carry out what was asked for; give the changes of the tables in `shown`.

        Raises: LimitExceeded: with what was too much, and the rule of the kernel.
        """
        changed = self.kernel.propagate()
        changes: Changes = {}
        for relation in changed:
            key = self.tables.key(relation)
            if key in shown:
                changes[key] = self.kernel.changes(relation)  # type: ignore[index]
        self.program.drop_unused()
        self.kernel.end_step()
        self.estimates.note_step(changed)
        return changes

    def propagate_for(self, table: object) -> list[Tuple]:
        """Carry out what was asked for; give the rows of one table. Raises: LimitExceeded."""
        self.kernel.propagate()
        found = (number for number in self.tables.numbers(table))
        return [row for number in found for row in self.kernel.ids(number)]

    # --- questions

    def plan(
        self, body: Sequence[NormalLiteral], terms: Sequence[Term], given: Sequence[str] = ()
    ) -> AdHocPlan:
        """Plan an ordered body that gives the values of `terms`, given those of some variables."""
        data = compile_body(body, terms, self._numbers, given=given)
        return AdHocPlan(self.kernel, self.kernel.compile(data))

    def is_reported(self, owner: Owner) -> bool:
        """Tell whether a rule runs that has a table of its own rows."""
        lowered = self.program.lowered(owner)
        return lowered is not None and InternalKey("report", owner) in lowered.widths

    def reported(self, owner: Owner, width: int) -> list[Row]:
        """Give the rows of a rule that reports."""
        return self.rows(InternalKey("report", owner), width)

    def symbol_count(self) -> int:
        """Give how many values have ids, integers of up to 31 bits aside."""
        return self.kernel.symbol_count()

    def indexes(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """Give the columns by which each table with indexes is found, by `owner:table`."""
        found = {}
        for number, key in self.tables.items():
            if isinstance(key, tuple) and (columns := self.kernel.indexes(number)):
                found[table_name(key)] = tuple(sorted(map(tuple, columns)))
        return found

    def failures(self, owner: Owner) -> list[tuple[str, str, int, Row]]:
        """Give the calls of builtins that failed in a rule, by builtin and reason."""
        numbers = self.program.rules_of(owner)
        return [failure for number in numbers for failure in self.kernel.failures(number)]

    def owners_of(self, number: int | None) -> list[Owner]:
        """Give whose rule of the kernel it is; nobody's when it is none."""
        return [] if number is None else self.program.owners(number)

    def blame(self, error: LimitExceeded) -> tuple[str, list[Owner]]:
        """Give what was too much, and whose rule it was: of an internal table all that use it."""
        reason, number = error.args
        if number is not None and not self.program.is_shown(number):
            reason = reason.replace("derives", "needs an internal table of")
        return reason, self.owners_of(number)

    def _plan(self, rule: int, kind: Kind, literal: int) -> PlanData:
        return self.plans.plan(self.program.entry(rule), kind, literal)

    def _closure(self, rules: Sequence[int]) -> tuple[int, list[int], list[int]] | None:
        shape = find_closure([self.program.entry(number).rule for number in rules])
        if shape is None:
            return None
        steps = [rules[place] for place in shape.steps]
        return shape.column, steps, [rules[place] for place in shape.mirrors]

    def _relation_of(self, table: object, width: int) -> int:
        return self.tables.find_or_nothing(table, width)


@contextmanager
def _refusing(table: TableKey, width: int, rows: Sequence[Sequence[Cell]]) -> Iterator[None]:
    """Tell of which table, and which row, the kernel refuses."""
    try:
        yield
    except CellRefused as error:
        _, number, column = error.args
        row = None if column < width else rows[number]
        raise RowsRefused(table, width, row, error) from error
