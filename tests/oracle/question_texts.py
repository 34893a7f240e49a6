"""Random questions, asked between the changes of a case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .choices import Choices
from .rule_texts import RuleTexts
from .vocabulary import Table, text_of

Question = tuple[Any, ...]
"""One of ("query", policy, text), ("call", policy, text, values), ("why", policy, table, row),
("why_row", number), ("simulate", policy, query, sequence, delta), ("impact", ((kind, policy,
text), …))."""

_LIST = re.compile(r"\[[^\]]*\]")
_POLICIES = ("m", "n")


class QuestionTexts:
    """Writes the questions of one case."""

    def __init__(
        self,
        choices: Choices,
        texts: RuleTexts,
        tables: Sequence[Table],
        values: Sequence[Any],
        inserted: Sequence[tuple[str, str]],
    ) -> None:
        """`inserted` are the rules that are there, with their policies."""
        self._choices = choices
        self._texts = texts
        self._tables = tables
        self._derived = [table for table in tables if not table.is_base]
        self._values = values
        self._inserted = inserted

    def question(self, *, is_limited: bool) -> Question:
        """Give a question. `is_limited`: changes may be stopped by a limit, so none is tried."""
        kind = self._choices.below(100)
        if kind < 30:
            return "query", self._policy(), self._texts.question()
        if kind < 55:
            return self._call()
        if kind < 75:
            return "why_row", self._choices.below(1000)
        if kind < 88 or is_limited:
            table = self._choices.pick(self._derived if self._choices.chance(90) else self._tables)
            return "why", table.owner, table.name, self._row(table)
        return self._simulation() if kind < 96 else self._impact()

    def _policy(self) -> str:
        return self._choices.pick(_POLICIES)

    def _row(self, table: Table) -> tuple[Any, ...]:
        return tuple(self._choices.pick(self._values) for _ in range(table.width))

    def _call(self) -> Question:
        """Ask a prepared query; `?` stands for some of the constants."""
        choices = self._choices
        text = self._texts.question()
        values = [value for value in self._values if not isinstance(value, bool)]
        for value in dict.fromkeys(map(text_of, values)):  # `true` may also be a condition
            constant = re.compile(rf"(?<=[(= ]){re.escape(value)}(?=[,)])")
            if not _LIST.search(text) and choices.chance(80):
                text = constant.sub("?", text, count=1)
        given = [choices.pick(self._values) for _ in range(text.count("?"))]
        return "call", self._policy(), text, tuple(given)

    def _simulation(self) -> Question:
        choices = self._choices
        statements = [self._statement() for _ in range(choices.between(1, 3))]
        query = self._texts.question()
        return "simulate", self._policy(), query, " ".join(statements), choices.chance(30)

    def _statement(self) -> str:
        """Write a change: of a row, of a fact, or of a rule."""
        choices = self._choices
        sign = choices.pick("+-")
        if choices.chance(35):
            policy, (rule, *_) = self._texts.rules()
            if not rule.startswith(("@", "execute")):
                name, bracket, rest = rule.partition("(")
                head, separator, body = rule.partition(" :-")
                if bracket and len(name) < len(head):
                    return f"{policy}:{name}{sign}({rest}"
                return f"{policy}:{head}{sign}{separator}{body}"
        table = choices.pick(self._tables)
        arguments = ", ".join(map(text_of, self._row(table)))
        return f"{table.owner}:{table.name}{sign}({arguments})"

    def _impact(self) -> Question:
        choices = self._choices
        operations = []
        for _ in range(choices.between(1, 2)):
            if self._inserted and choices.chance(50):
                operations.append(("delete", *choices.pick(self._inserted)))
            else:
                policy, texts = self._texts.rules()
                operations.append(("insert", policy, "\n".join(texts)))
        return "impact", tuple(operations)
