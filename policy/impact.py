"""What a set of rule operations would do to the present data; everything is taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from congress_dist.errors import InvalidRequest

from .language.diagnostics import Diagnostic
from .language.printer import print_rule
from .planner.answers import Row, Violation
from .planner.normal_form import TableKey

if TYPE_CHECKING:
    from .engine import Engine


@dataclass(frozen=True, slots=True)
class RuleOperation:
    """Rules to be inserted into a policy, or deleted from it; `text` holds one or many."""

    kind: OneOf["insert", "delete"]
    policy: str
    text: str

    def __post_init__(self) -> None:
        if self.kind not in ("insert", "delete"):
            what = f"{self.kind!r:.60} is no rule operation; those are 'insert' and 'delete'"
            raise InvalidRequest(what)


def operations_given(operations: Iterable[RuleOperation]) -> list[RuleOperation]:
    """Give operations that came from a caller. Raises: InvalidRequest: something is none."""
    given = list(operations) if isinstance(operations, Iterable) else [operations]
    for number, operation in enumerate(given, 1):
        if not isinstance(operation, RuleOperation):
            what = f"operation {number} is {operation!r:.60}"
            raise InvalidRequest(f"{what}; expected RuleOperation('insert', policy, text)")
    return given


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that would come or go.

    Shapes: `kind` is `violation` for a row of a rule that reports something, with the rule's text,
        `action` for one of an `execute[…]` or `ensure[…]` table, whose `rule` is empty.
    """

    kind: OneOf["violation", "action"]
    policy: str
    table: str
    row: Row
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Impact:
    """What rule operations would do.

    Shapes: `incomplete` are the tables that report or act and would not be complete, each with
        what is missing: of them more rows may appear. `warnings` are those of the inserted texts.
    """

    appeared: list[RowChange]
    disappeared: list[RowChange]
    incomplete: dict[TableKey, dict[str, str]]
    warnings: list[Diagnostic]


def impact_of(engine: Engine, operations: Iterable[RuleOperation]) -> Impact:
    """Carry out operations and compare; the caller takes them back.

    Raises: PolicyError: a text is refused. NotFound: no such policy, or rule to delete.
        InvalidRequest: an operation of another kind.
    """
    given = operations_given(operations)
    before = _reported(engine)
    warnings: list[Diagnostic] = []
    for operation in given:
        if operation.kind == "insert":
            warnings += engine.check(operation.policy, operation.text)
            engine.insert(operation.policy, operation.text)
        else:
            engine.delete(operation.policy, operation.text)
    after = _reported(engine)
    missing_by_table = {table: engine.missing(*table) for table in engine.reporting_tables()}
    return Impact(
        [change for key, change in after.items() if key not in before],
        [change for key, change in before.items() if key not in after],
        {table: missing for table, missing in missing_by_table.items() if missing},
        warnings,
    )


def _reported(engine: Engine) -> dict[object, RowChange]:
    """Give the rows that report or act, each under what makes it one."""
    texts: dict[int, str] = {}
    changes = [_of_violation(violation, texts) for violation in engine.violations()]
    changes += [RowChange("action", *table, row) for table, row in engine.actions()]
    return {_key(change): change for change in changes}


def _of_violation(violation: Violation, texts: dict[int, str]) -> RowChange:
    policy, rule, table, row = violation
    text = texts.get(id(rule))
    if text is None:
        text = texts[id(rule)] = print_rule(rule)
    return RowChange("violation", policy, table, row, text)


def _key(change: RowChange) -> object:
    typed = tuple((type(cell), cell) for cell in change.row)
    return change.kind, change.policy, change.table, change.rule, typed
