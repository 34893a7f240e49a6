"""What checks look at: rules to be added, and the program that they are to join."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Literal as OneOf
from typing import Protocol

from ..ast import Atom, Literal, Rule, Span, Variable
from ..builtins import PREFIX, find_call
from ..diagnostics import Diagnostic
from ..places import line_starts_of, place_of
from ..walk import conjuncts_of

DATASOURCE = "datasource"
PolicyRule = tuple[str, Rule]
Table = tuple[str, str]


class TypedColumn(Protocol):
    """A column as a datasource describes it."""

    @property
    def name(self) -> str:
        """Give its name in rules."""

    @property
    def type(self) -> str:
        """Give the type of its cells: str, int, float, bool or any."""

    @property
    def nullable(self) -> bool:
        """Tell whether null may stand in it."""


class ProgramView(Protocol):
    """What checks ask of a program."""

    def kind(self, policy: str) -> str | None:
        """Give the kind of a policy, `datasource` for a datasource, None where there is none."""

    def columns(self, policy: str, table: str) -> tuple[str, ...] | None:
        """Give the names of a table's columns: by schema, for a policy's table by its heads."""

    def arity(self, policy: str, table: str) -> int | None:
        """Give the number of a table's columns; None when it is unknown."""

    def typed_columns(self, policy: str, table: str) -> Sequence[TypedColumn] | None:
        """Give the columns of a datasource's table with their types; None when unknown."""

    def rules(self) -> Iterable[PolicyRule]:
        """Give all rules with their policies."""


class Batch:
    """Rules to be added, seen together with the program: what either of them defines is known."""

    def __init__(
        self,
        rules: Sequence[PolicyRule],
        program: ProgramView,
        text: str,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        self.rules = list(rules)
        self.program = program
        self._text = text
        self._texts = texts or {}
        self._line_starts: dict[str, list[int]] = {}
        self._likely_tables: dict[Table, str] = {}

    def text_of(self, source: str) -> str:
        """Give the text that spans of a source lie in; empty when it is not known."""
        return self._texts.get(source, self._text)

    def report(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        note: str = "",
        hint: str = "",
        is_warning: bool = False,
    ) -> Diagnostic:
        """Make a diagnostic for a place of the text; without the text it has no place."""
        severity: OneOf["error", "warning"] = "warning" if is_warning else "error"
        text = self.text_of(span.source)
        if not text or span.end > len(text):
            return Diagnostic(
                code, message, note=note, hint=hint, source=span.source, severity=severity
            )
        line, column, length, shown = place_of(
            text, span, line_starts=self._line_starts_of(span.source)
        )
        return Diagnostic(
            code, message, line, column, length, note, hint, span.source, severity, shown
        )

    def arity(self, table: Table) -> int | None:
        """Give the width of a table: the program's, else by the first of these rules to tell."""
        known = self.program.arity(*table)
        return known if known is not None else self._widths.get(table)

    def columns(self, table: Table) -> tuple[str | None, ...] | None:
        """Give the columns' names, with None for a column on whose name the heads disagree."""
        known = self.program.columns(*table)
        if self.program.kind(table[0]) == DATASOURCE:
            return known
        heads = self._heads.get(table, [])
        return merged_names(known, heads) if known is not None or heads else None

    def is_defined(self, table: Table) -> bool:
        """Tell whether a schema, a rule or a fact gives a table its rows."""
        return table in self._heads or self.program.columns(*table) is not None

    def likely_table(self, owner: str, name: str) -> str:
        """Give a hint that names a table of a policy that looks like `name`, or nothing.

        Cost: the policy's rules, once for each name however often it is asked.
        """
        key = (owner, name)
        if key not in self._likely_tables:
            heads = (rule.head.table for policy, rule in self.all_rules() if policy == owner)
            self._likely_tables[key] = did_you_mean(name, heads)
        return self._likely_tables[key]

    def all_rules(self) -> Iterator[PolicyRule]:
        """Give the program's rules and these."""
        yield from self.program.rules()
        yield from self.rules

    def _line_starts_of(self, source: str) -> list[int]:
        if source not in self._line_starts:
            self._line_starts[source] = line_starts_of(self.text_of(source))
        return self._line_starts[source]

    @cached_property
    def _heads(self) -> dict[Table, list[Atom]]:
        heads: dict[Table, list[Atom]] = {}
        for policy, rule in self.rules:
            if rule.modal is None:
                heads.setdefault((policy, rule.head.table), []).append(rule.head)
        return heads

    @cached_property
    def _widths(self) -> dict[Table, int]:
        widths = {table: len(heads[0].arguments) for table, heads in self._heads.items()}
        for policy, rule in self.rules:
            for literal in table_literals(rule):
                atom = literal.atom
                owner = atom.policy or policy
                is_positional = all(argument.column is None for argument in atom.arguments)
                if is_positional and self.program.kind(owner) not in (None, DATASOURCE):
                    widths.setdefault((owner, atom.table), len(atom.arguments))
        return widths


def merged_names(known: tuple[str, ...] | None, heads: Iterable[Atom]) -> tuple[str | None, ...]:
    """Give the names on which all heads agree that give one: variables do, constants abstain.

    Shapes: a known name like Col0 stands for none.
    """
    names: list[str | None] = [
        None if name == f"Col{number}" else name for number, name in enumerate(known or ())
    ]
    refused = [False] * len(names)
    for head in heads:
        for number, argument in enumerate(head.arguments):
            if number == len(names):
                names.append(None)
                refused.append(False)
            if not isinstance(argument.value, Variable) or refused[number]:
                continue
            name = names[number]
            if name is None:
                names[number] = argument.value.name
            elif name != argument.value.name:
                names[number], refused[number] = None, True
    return tuple(names)


def literals(rule: Rule) -> Iterator[Literal]:
    """Give the atoms of a body with their signs, those in groups too."""
    for conjunct, _ in conjuncts_of(rule.body or ()):
        if isinstance(conjunct, Literal):
            yield conjunct


def table_literals(rule: Rule) -> Iterator[Literal]:
    """Give the literals of a body that read tables."""
    for literal in literals(rule):
        if literal.atom.policy != PREFIX and find_call(literal.atom) is None:
            yield literal


def did_you_mean(name: str, candidates: Iterable[str | None]) -> str:
    """Give a hint that names what looks like `name`, or nothing."""
    known = sorted({candidate for candidate in candidates if candidate})
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(repr(match) for match in close)}?" if close else ""


def counted(number: int, noun: str) -> str:
    """Give a number with its noun: 1 column, 2 columns."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Iterable[str | None], *, limit: int = 12) -> str:
    """Give names as a list for people, cut off where it grows long."""
    known = [name for name in names if name]
    shown = ", ".join(known[:limit])
    return f"{shown}, … ({len(known)} in all)" if len(known) > limit else shown
