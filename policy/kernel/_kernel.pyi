"""The evaluation kernel as Python sees it. Numbers stand for relations, components and rules.

One thread at a time may use a Kernel; `propagate` and `query` run without the interpreter lock.
Cells are str, int, float, bool and None; ids are ints that stand for cells (`intern`, `value`).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, final, overload

from ..planner.answers import Answer, Changes
from ..planner.normal_form import TableKey

Cell = str | int | float | bool | None
Row = tuple[Cell, ...]
Id = int
TypeName = Literal["str", "int", "float", "bool", "any"]
RelationId = int
ComponentId = int
RuleId = int
Operand = int
"""A register's number, or for a constant the complement (`~id`) of its id: a negative number."""

StepData = tuple[object, ...]
PlanData = tuple[Sequence[int], Sequence[StepData], Sequence[Operand]]
"""Registers that have values at the start, steps, and what each column of the head is.

A step is one of
  ("scan", relation, reads_old, reads_changes, picks, checks, same, keep)
  ("probe", relation, reads_old, columns, key, picks, checks, same, keep)
  ("lookup", relation, reads_old, key, is_negated, keep)
  ("exists", relation, reads_old, columns, key, is_negated, keep)
  ("gather", plans, key, results, keep)               each plan is given the key's values
  ("ask", plans, key, is_negated, keep)               each plan is given the key's values
  ("compare", operator, left, right, keep)            operator: = != < <= > >=
  ("among", operand, ids, is_negated, keep)
  ("choose", ids, register, keep)
  ("copy", operand, register, keep)
  ("call", builtin, inputs, results, checks, same, keep)
  ("fails", builtin, inputs, checks, same, keep)
picks: (column, register); checks: (column or number of a result, operand); same: (column, column);
results: (number of a result, register); keep: registers that the head or a later step reads, but
for those that the step itself writes. A register is written once.
"""

ClosureData = tuple[int, Sequence[RuleId], Sequence[RuleId]]
"""The column that moves, the rules that are steps, those that are mirrors: see ClosureShape."""

SolveBuiltin = Callable[[tuple[Cell, ...]], Iterable[tuple[Cell, ...]]]

class CellRefused(ValueError):
    """No table may hold a cell. args: the reason, the number of the row, the column (the number of
    columns when the row has another width).
    """

class InvalidColumns(ValueError):
    """Columns that contradict themselves, or no columns."""

class TextRefused(ValueError):
    """Text in lines cannot be read as rows. args: the flaw, its line, the column, a detail.

    encoding: it is not UTF-8; syntax (why); empty; twice: a column is named twice; width (cells of
    the line); unknown (a name); null; type (the cell): it is not of its column's type; value (the
    reason): no table may hold it.
    """

class LimitExceeded(Exception):
    """args: what was too much, and the rule that crossed the limit (None: a query)."""

class TableFull(Exception):
    """args: what there is no number left for, and the relation."""

class InvalidPlan(ValueError):
    """A mistake in the planner."""

class Stopped(Exception):
    """args: why a call was stopped, and the rule that ran (None: outside of one)."""

class Cancelled(Stopped):
    """`cancel` was called meanwhile."""

class DeadlinePassed(Stopped):
    """The thread's deadline came first."""

@final
class Plan:
    """A plan ready to run; holds its constants."""

    def failures(self) -> list[tuple[str, str, int, Row]]:
        """(builtin, reason, how often, one example's inputs) of the last run."""

@final
class Rows(Sequence[Row]):
    """Rows that are turned into values when somebody looks at them. Equal to the list of them."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, number: int) -> Row: ...
    @overload
    def __getitem__(self, number: slice) -> list[Row]: ...

@final
class PreparedQuery:
    """A question that waits for the values of its `?`; made by `Engine.prepare`.

    Promises: follows changes of rules and schemas; may be called from any thread.
    """

    def __init__(
        self, kernel: Kernel, text: str, ask: Callable[[PreparedQuery, tuple[Cell, ...]], Answer]
    ) -> None:
        """`ask` answers when no plan does that was adopted since the meaning of names changed."""
    @property
    def text(self) -> str: ...
    def __call__(self, *values: Cell) -> list[Row]:
        """Give the rows, each once and in no order; one value for each `?`, in text order.

        Raises: InvalidRequest: more or fewer values. InvalidRow: no table may hold one of them.
            PolicyError: the query does not fit the rules and schemas of now.
        """
    def answer(self, *values: Cell) -> Answer:
        """Give the rows with what keeps them from being complete. Raises: as a call."""
    def adopt(self, plan: Plan | None) -> None:
        """Take the plan that alone gives the answers from now on; None: `ask` for each."""

@final
class GuardedBlock:
    """A `with` block at whose end `leave` is called, whatever Ctrl-C does."""

    def __init__(self, enter: Callable[[], None], leave: Callable[[], None]) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *raised: object) -> None: ...

def let_interrupt() -> None:
    """Between `enter` and `leave`: let Ctrl-C reach Python while somebody else's code runs."""

def defer_interrupt() -> None:
    """Let Ctrl-C wait again, once for each `let_interrupt`."""

def exchange_deadline(at: float) -> float:
    """Set when this thread's calls are to be done, in monotonic seconds; give what was set."""

@final
class Column:
    """The cells of one column, read where they lie: of a list or tuple, of a buffer of numbers in
    one row, of what hands over an array of Arrow's.
    """

    def __init__(self, given: object) -> None:
        """Raises: TypeError: it is none of these. InvalidColumns."""
    def __len__(self) -> int: ...

@final
class BulkRows(Sequence[Row]):
    """Rows that the kernel reads where they lie, without a Python object for each cell. Equal to
    the list of them.

    Cost: of a row or a slice that, of a text up to 64 lines more for each part of it.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        """Raises: InvalidColumns: they differ in length, or are too many."""
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, number: int) -> Row: ...
    @overload
    def __getitem__(self, number: slice) -> list[Row]: ...
    def width(self) -> int: ...

@final
class ArrowTable:
    """The columns of what hands over a table of Arrow's."""

    def __init__(self, given: object) -> None:
        """Raises: InvalidColumns: it is no table, or contradicts itself."""
    def columns(self) -> list[tuple[str, Column]]: ...

@final
class TextTable:
    """A text in UTF-8 whose first line names columns; `mark` stands between cells."""

    def __init__(self, data: bytes, mark: str) -> None:
        """Raises: TextRefused."""
    def header(self) -> list[str]: ...
    def seen_types(self) -> list[tuple[str, TypeName, bool]]:
        """For each column its name, the narrowest type that all filled cells have, and whether
        some are empty and null therefore.
        """
    def rows(self, columns: Sequence[tuple[str, TypeName, bool]]) -> BulkRows:
        """The rows of a table with these columns, types, and whether cells may be null; a column
        that the text does not have is null. Raises: TextRefused.
        """

@final
class Hold:
    """Keeps ids from being given to other values."""

@final
class Kernel:
    def __init__(
        self,
        plan: Callable[[RuleId, Literal["whole", "variant", "check", "edges"], int], PlanData],
        closure: Callable[[Sequence[RuleId]], ClosureData | None] | None = None,
    ) -> None:
        """`plan` gives the plan of a rule, when it is first needed: from nothing, from the changes
        of its n-th literal, given the cells of the head (its `given` registers, in order), or for
        the edges along which a step of a closure moves the n-th column, as rows (from, to).
        `closure` tells whether the rules of a recursive table make it a closure.
        """
    def add_builtin(self, name: str, inputs: int, outputs: int, solve: SolveBuiltin) -> int:
        """`solve` raises the class given to `set_failure` when it has no answer. A builtin that
        the kernel has itself does not call it.
        """
    def set_failure(self, failure: type[Exception]) -> None: ...

    # values
    def intern(self, value: Cell) -> Id: ...
    def find(self, value: Cell) -> Id | None: ...
    def value(self, symbol: Id) -> Cell: ...
    def encode(self, row: Sequence[Cell]) -> tuple[Id, ...]: ...
    def find_row(self, row: Sequence[Cell]) -> tuple[Id, ...] | None: ...
    def decode(self, row: Sequence[Id]) -> Row: ...
    def hold(self, ids: Iterable[Id]) -> Hold: ...

    # what there is
    def add_relation(
        self, width: int, kind: Literal["base", "derived"], name: TableKey | None = None
    ) -> RelationId:
        """`step` tells its changes by its name, if it has one and rules."""

    def expect_size(self, relation: RelationId, least: int, most: int) -> None:
        """Let `step` tell when it has less or more rows."""
    def drop_relation(self, relation: RelationId) -> None: ...
    def add_component(
        self, relations: Sequence[RelationId], is_recursive: bool, order: int
    ) -> ComponentId: ...
    def set_order(self, component: ComponentId, order: int) -> None: ...

    # one step
    def change(
        self,
        relation: RelationId,
        added: Iterable[Sequence[Cell]],
        removed: Iterable[Sequence[Cell]],
    ) -> None: ...
    def replace(self, relation: RelationId, rows: Iterable[Sequence[Cell]]) -> None: ...
    def change_ids(
        self, relation: RelationId, added: Iterable[Sequence[Id]], removed: Iterable[Sequence[Id]]
    ) -> None: ...
    def add_rule(
        self,
        head: RelationId,
        body: Sequence[tuple[RelationId, bool, Sequence[tuple[int, Id]]]],
        asks: Sequence[RelationId],
    ) -> RuleId:
        """The literals on tables (a relation, whether it is negated, columns with constants), and
        the relations that its ask steps read.
        """
    def lift_limit(self, rule: RuleId) -> None:
        """Let a rule derive any number of rows: facts are never too many."""
    def add_crossings(
        self,
        head: RelationId,
        times: RelationId,
        clock: RelationId,
        moment: int,
        at_first: bool,
        turns: Sequence[int],
    ) -> RuleId:
        """The rows of `times` whose age passes a test at the time of `clock`; each has one column.
        moment: the builtin that gives a time in microseconds. turns: the ages, ascending, from
        which the test comes out the other way round.
        """

    def add_fold(
        self,
        head: RelationId,
        groups: int,
        inputs: Sequence[RelationId],
        parts: Sequence[tuple[str, int]],
    ) -> RuleId:
        """An aggregate step. Each input's rows are the group's cells, then the aggregated ones,
        the first of which is what the function works on. parts: for each column of the head
        ("group", column) or (function, number of the input).
        """
    def remove_rule(self, rule: RuleId) -> None: ...
    def rebuild(self, component: ComponentId) -> None: ...
    def replan(self, rule: RuleId) -> None: ...
    def propagate(self) -> list[RelationId]: ...
    def changes(self, relation: RelationId) -> tuple[Rows, Rows]:
        """The rows that appeared and disappeared in the present step, after `propagate`."""
    def end_step(self) -> None: ...
    def step(
        self,
        given: list[tuple[RelationId, Iterable[Sequence[Cell]], Iterable[Sequence[Cell]]]],
    ) -> tuple[Changes, list[RelationId]]:
        """Do `change` for each relation with its rows added and removed, `propagate`, `changes` of
        each derived relation with a name that changed, and `end_step`; give also those that
        changed and are not of the size that is expected.

        Promises: when it raises, nothing has changed since the last step.
        """

    # transactions
    def mark(self) -> int: ...
    def rollback(self, mark: int) -> None: ...
    def commit(self) -> None: ...

    # answers
    def size(self, relation: RelationId) -> int: ...
    def distinct(self, relation: RelationId, columns: Sequence[int]) -> float: ...
    def rows(self, relation: RelationId) -> list[Row]: ...
    def page(self, relation: RelationId, after: Sequence[Id] | None, limit: int) -> list[Row]:
        """The first `limit` rows in the order of `row_order`, of those behind `after` if given."""

    def ids(self, relation: RelationId) -> list[tuple[Id, ...]]: ...
    def has(self, relation: RelationId, row: Sequence[Id]) -> bool: ...
    def height(self, relation: RelationId, row: Sequence[Id]) -> int: ...
    def compile(self, plan: PlanData) -> Plan: ...
    def query(self, plan: Plan, given: Sequence[Id]) -> list[Row]:
        """Each row once, in no order."""
    def query_ids(self, plan: Plan, given: Sequence[Id], most: int) -> list[tuple[Id, ...]]:
        """With `most` it stops soon after it has so many."""
    def failures(self, rule: RuleId) -> list[tuple[str, str, int, Row]]:
        """(builtin, reason, how often, one example's inputs) since the rule was added."""

    # limits
    def set_limits(self, max_rows: int, max_bindings: int) -> None: ...

    # calls
    def enter(self) -> None:
        """Wait until no other thread is inside; until `leave` Ctrl-C waits for `look`.

        Raises: InvalidPlan: what the kernel was calling called. DeadlinePassed: others were in.
        """
    def leave(self) -> None: ...
    def look(self) -> None:
        """Raises: Stopped, and what the handlers of signals raise that waited."""
    def cancel(self) -> None:
        """Let the call under way raise Cancelled; from any thread."""
    def running(self) -> RuleId | None:
        """Give the rule that ran when the call under way raised; None: no rule did."""
    def outdate(self) -> None:
        """Take that prepared questions may mean something else now."""
    def symbol_count(self) -> int: ...
    def indexes(self, relation: RelationId) -> list[list[int]]: ...
    def bytes(self) -> int: ...
