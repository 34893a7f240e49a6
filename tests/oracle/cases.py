"""Random cases: what an engine is told, one operation after the other, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .choices import Choices
from .question_texts import QuestionTexts
from .rule_texts import RuleTexts
from .vocabulary import (
    BASE,
    CLOCK,
    CLOSE,
    DERIVED,
    DOMAINS,
    ODD_TICKS,
    SCHEMAS,
    TICKS,
    TIMES,
    VALUES,
    Table,
    column,
)

Operation = tuple[Any, ...]
"""The name of a method of the engine and its arguments; ("trial", operations) takes all back."""


_NUMBERS = tuple(value for value in VALUES if type(value) in (int, float))


@dataclass(frozen=True)
class Case:
    """A sequence of operations; `max_rows` None: without a limit that matters."""

    operations: tuple[Operation, ...]
    max_rows: int | None = None

    def text(self) -> str:
        """Give the case as a Python expression."""
        lines = "".join(f"    {operation!r},\n" for operation in self.operations)
        return f"Case((\n{lines}), max_rows={self.max_rows!r})"


def random_case(choices: Choices) -> Case:
    """Give a small program and changes of its rules and rows."""
    return _Writer(choices).case()


class _Writer:
    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._max_rows = choices.between(2, 5) if choices.chance(12) else None
        derived = choices.some(DERIVED, 2, 5)
        pairs = [table for table in BASE if table.width == 2]
        others = [table for table in BASE if table.width != 2]
        self._base = choices.some(pairs, 1, 2) + choices.some(others, 0, 1)
        self._values = choices.some(VALUES[:8], 2, 3) + choices.some(VALUES, 0, 1)
        if choices.chance(20):
            self._values = choices.some(_NUMBERS, 3, 5)
        elif choices.chance(12):
            self._values = choices.some(CLOSE, 3, 4)
        elif choices.chance(25):
            self._values = choices.some(choices.pick(DOMAINS), 2, 4) + choices.some(VALUES, 0, 2)
        if self._max_rows is not None:
            self._values = choices.some(VALUES, 4, 6)
        if choices.chance(14):
            self._base.append(CLOCK)
            self._values = choices.some(TIMES, 2, 4) + choices.some(VALUES, 0, 2)
        may_grow = self._max_rows is not None and choices.chance(10)
        self._texts = RuleTexts(
            choices,
            self._base,
            derived,
            self._values,
            may_grow=may_grow,
            reads_early=choices.chance(15),
        )
        self._rows: dict[Table, list[tuple[Any, ...]]] = {table: [] for table in self._base}
        self._inserted: list[tuple[str, str]] = []
        self._sources = sorted({table.owner for table in self._base})
        self._questions = QuestionTexts(
            choices, self._texts, (*self._base, *derived), self._values, self._inserted
        )
        self._tick = 0

    def case(self) -> Case:
        choices = self._choices
        operations: list[Operation] = [("create_policy", "m", "recursive")]
        kind = "nonrecursive" if choices.chance(8) else "recursive"
        operations.append(("create_policy", "n", kind))
        if choices.chance(8):
            operations.pop()
        operations += [self._schema(s) for s in self._sources if not choices.chance(8)]
        program = self._program()
        first = [self._load_all(source) for source in self._sources if not choices.chance(12)]
        first = [*program, *first] if self._max_rows is not None else [*first, *program]
        operations += choices.shuffled(first) if choices.chance(20) else first
        for _ in range(choices.between(2, 7)):
            operations += self._step()
            if choices.chance(30):
                operations += self._question()
        return Case(tuple(operations), self._max_rows)

    def _program(self) -> list[Operation]:
        by_policy: dict[str, list[str]] = {}
        for _ in range(self._choices.between(2, 6)):
            policy, texts = self._texts.rules()
            by_policy.setdefault(policy, []).extend(texts)
        for policy, texts in by_policy.items():
            self._inserted += [(policy, text) for text in texts]
        return [("insert", policy, "\n".join(texts)) for policy, texts in by_policy.items()]

    def _step(self) -> list[Operation]:
        choices = self._choices
        if CLOCK in self._base and choices.chance(50):
            return [self._ticks()]
        kind = choices.below(100)
        if kind < 42:
            return [self._apply()]
        if kind < 52:
            return [self._load(self._source())]
        if kind < 62:
            return [self._insert()]
        if kind < 73 and self._inserted:
            return [self._delete()]
        if kind < 80:
            return [self._lose()]
        if kind < 85:
            return [self._transact()]
        if kind < 92:
            steps = [step for _ in range(choices.between(1, 3)) for step in self._step()]
            return [("trial", tuple(steps))]
        return self._rare(kind)

    def _question(self) -> list[Operation]:
        question = self._questions.question(is_limited=self._max_rows is not None)
        return [question]

    def _ticks(self) -> Operation:
        """Let the clock go on, mostly by one row that replaces the one before."""
        choices = self._choices
        before = TICKS[self._tick % len(TICKS)]
        self._tick += choices.pick((1, 1, 2, 4, 0))
        now = TICKS[self._tick % len(TICKS)]
        if choices.chance(15):
            now = choices.pick(ODD_TICKS)
        if choices.chance(50):
            return "apply", "clock", {"now": [(now,)]}, {"now": [(before,)]}
        rows = [(now,)]
        if choices.chance(40):
            rows = choices.pick(([], [(before,), (now,)]))
        return "load", "clock", {"now": rows}

    def _rare(self, kind: int) -> list[Operation]:
        choices = self._choices
        if kind < 95:
            return [self._schema(choices.pick(self._sources), is_new=True)]
        if kind == 95:
            return [("delete_policy", choices.pick(("n", "m")))]
        if kind == 96:
            name = choices.pick(("n", "m"))
            again = [("insert", p, text) for p, text in self._inserted if p == name]
            between = [self._apply()] if choices.chance(50) else []
            created = ("create_policy", name, "recursive")
            return [("delete_policy", name), *between, created, *again]
        if kind == 97:
            return [("remove_source", choices.pick(self._sources))]
        if kind == 98:
            verb = choices.pick(("restore", "withdraw"))
            _, policy, text = self._insert() if verb == "restore" else self._delete()
            return [(verb, policy, text)]
        table = choices.pick(self._base)
        wrong = choices.pick((((1, 2, 3, 4),), ((2**70,) * table.width,)))
        return [("apply", table.owner, {table.name: wrong}, {})]

    def _insert(self) -> Operation:
        policy, texts = self._texts.rules()
        self._inserted += [(policy, text) for text in texts]
        return "insert", policy, "\n".join(texts)

    def _delete(self) -> Operation:
        if not self._inserted:
            return "delete", "m", "p(x, y) :- d:e(x, y)"
        policy, text = self._inserted.pop(self._choices.below(len(self._inserted)))
        return "delete", policy, text

    def _schema(self, source: str, *, is_new: bool = False) -> Operation:
        tables = {
            name: tuple(column(number) for number in range(width))
            for name, width in SCHEMAS[source].items()
        }
        if is_new:
            name = self._choices.pick([t.name for t in self._base if t.owner == source])
            columns = tables.pop(name)
            change = self._choices.below(5)
            if change == 0:
                tables[name] = (*columns, "extra")
            elif change == 1:
                tables[name] = columns[:-1]
            elif change == 2:
                tables[name] = tuple(f"n{each}" for each in columns)
            elif change == 3:
                tables[name] = columns
        return "set_schema", source, tables

    def _row(self, table: Table) -> tuple[Any, ...]:
        return tuple(self._choices.pick(self._values) for _ in range(table.width))

    def _new_rows(self, table: Table, most: int) -> list[tuple[Any, ...]]:
        if table == CLOCK:
            rows: list[tuple[Any, ...]] = [(TICKS[self._tick % len(TICKS)],)]
        else:
            rows = [self._row(table) for _ in range(self._choices.between(0, most))]
        self._rows[table] += rows
        return rows

    def _known_rows(self, table: Table) -> list[tuple[Any, ...]]:
        """Give rows that may be there, to be removed."""
        rows = self._rows[table]
        taken = self._choices.some(rows, 0, 2) if rows else []
        return [*taken, self._row(table)] if self._choices.chance(20) else taken

    def _source(self) -> str:
        read = {table.owner for table in self._texts.read}
        return self._choices.pick(sorted(read) or self._sources)

    def _tables(self, source: str) -> list[Table]:
        own = [table for table in self._base if table.owner == source]
        read = [table for table in own if table in self._texts.read]
        return self._choices.some(read or own, 1, len(own))

    def _load_all(self, source: str) -> Operation:
        own = [table for table in self._base if table.owner == source]
        return "load", source, {t.name: self._new_rows(t, 6) for t in own}

    def _load(self, source: str) -> Operation:
        return "load", source, {t.name: self._new_rows(t, 6) for t in self._tables(source)}

    def _apply(self) -> Operation:
        tables = self._tables(source := self._source())
        removed = {t.name: self._known_rows(t) for t in tables}
        added = {t.name: self._new_rows(t, 3) for t in tables}
        if self._choices.chance(15):  # rows that stand in both lists
            for name, rows in removed.items():
                added[name] = [*added[name], *rows]
        return "apply", source, added, removed

    def _lose(self) -> Operation:
        source = self._source()
        tables = self._tables(source)
        for table in tables:
            self._rows[table].clear()
        reason = self._choices.pick(("lost", "away")) if not self._choices.chance(3) else ""
        return "mark_missing", source, tuple(table.name for table in tables), reason

    def _transact(self) -> Operation:
        source = self._source()
        loaded: dict[str, Any] = {}
        added: dict[str, Any] = {}
        removed: dict[str, Any] = {}
        missing: dict[str, str] = {}
        for table in self._tables(source):
            fate = self._choices.below(3)
            if fate == 0:
                removed[table.name] = self._known_rows(table)
                added[table.name] = self._new_rows(table, 2)
            elif fate == 1:
                loaded[table.name] = self._new_rows(table, 3)
            else:
                missing[table.name] = "gone"
        return "transact", source, loaded, added, removed, missing
