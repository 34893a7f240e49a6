"""What checks look at: rules to be added, and the program that they are to join."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal as OneOf
from typing import Protocol

from ..ast import Atom, Conjunct, Literal, Rule, Span, Variable
from ..bindings import Scope, scopes_of
from ..builtins import PREFIX, all_builtins, find_call
from ..diagnostics import Diagnostic
from ..names import column_name
from ..places import line_starts_of, place_of
from ..policy_kinds import DATASOURCE
from ..printer import print_conjunct, print_rule
from ..walk import conjuncts_of
from .hints import Hints, did_you_mean
from .likely_names import LikelyNames

PolicyRule = tuple[str, Rule]
Table = tuple[str, str]

_MAX_QUOTED = 120
"""Characters of a conjunct or a rule in a message."""


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

    def policies(self) -> Iterable[str]:
        """Give the names of the policies."""

    def defined(self, policy: str) -> Iterable[str]:
        """Give the tables of a policy that have rules or facts."""

    def deriving(self, table: Table) -> Iterable[PolicyRule]:
        """Give the rules that derive a table, each with its policy; facts are none."""

    def reading(self, table: Table) -> Iterable[PolicyRule]:
        """Give the rules that read a table, each with its policy."""

    def identified(self, policy: str, identity: object) -> Iterable[PolicyRule]:
        """Give the rules of a policy with an `@id`."""


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
        self._literals: dict[int, list[Literal]] = {}
        self._scopes: dict[int, list[Scope]] = {}
        self._columns: dict[Table, tuple[str | None, ...] | None] = {}
        self._likely: dict[str | None, LikelyNames] = {}
        self._hints = Hints()

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
        place = place_of(text, span, line_starts=self._line_starts_of(span.source))
        return Diagnostic(
            code,
            message,
            note=note,
            hint=hint,
            source=span.source,
            severity=severity,
            **place._asdict(),
        )

    def quote(self, conjunct: Conjunct) -> str:
        """Give a conjunct in quotes for a message; of a long one only the beginning."""
        return self._beginning(conjunct.span) or repr(print_conjunct(conjunct))

    def quote_rule(self, rule: Rule) -> str:
        """Give a rule in quotes for a message; of a long one only the beginning."""
        return self._beginning(rule.span) or repr(print_rule(rule))

    def _beginning(self, span: Span) -> str:
        """Give how something long begins; empty for what is short. Cost: not that of printing."""
        if span.end - span.start <= _MAX_QUOTED:
            return ""
        text = self.text_of(span.source)[span.start : span.start + _MAX_QUOTED]
        return repr(" ".join(text.split()) + "…") if text else ""

    def arity(self, table: Table) -> int | None:
        """Give the width of a table: the program's, else by the first of these rules to tell."""
        known = self.program.arity(*table)
        return known if known is not None else self._widths.get(table)

    def columns(self, table: Table) -> tuple[str | None, ...] | None:
        """Give the columns' names, with None for a column on whose name the heads disagree."""
        if table not in self._columns:
            known = self.program.columns(*table)
            heads = self._heads.get(table, [])
            is_plain = self.program.kind(table[0]) == DATASOURCE or (known is None and not heads)
            self._columns[table] = known if is_plain else merged_names(known, heads)
        return self._columns[table]

    def is_defined(self, table: Table) -> bool:
        """Tell whether a schema, a rule or a fact gives a table its rows."""
        return table in self._heads or self.program.columns(*table) is not None

    def likely_table(self, owner: str, name: str) -> str:
        """Give a hint that names a table of a policy that looks like `name`, or nothing."""
        return self.did_you_mean(name, self._near(owner, name), owner)

    def likely_policy(self, name: str) -> str:
        """Give a hint that names a policy that looks like `name`, or nothing."""
        return self.did_you_mean(name, self._near(None, name), None)

    def did_you_mean(self, name: str, candidates: Iterable[str | None], among: Hashable) -> str:
        """Give a hint that names candidates that look like `name`; see `Hints.closest`."""
        return did_you_mean(self._hints.closest(name, candidates, among))

    def likely_builtin(self, name: str) -> str:
        """Give the name of a builtin that looks like `name`, or nothing."""
        return next(iter(self._hints.closest(name.lower(), all_builtins(), PREFIX)), "")

    def _near(self, owner: str | None, name: str) -> Iterator[str]:
        """Give tables of an owner, or owners, that may look like a name."""
        if owner not in self._likely:
            self._likely[owner] = LikelyNames(self._names(owner))
        yield from self._likely[owner].near(name)

    def _names(self, owner: str | None) -> Iterator[str]:
        if owner is None:
            yield from self.program.policies()
        else:
            yield from self.program.defined(owner)
            yield from (table for policy, table in self._heads if policy == owner)

    def all_rules(self) -> Iterator[PolicyRule]:
        """Give the program's rules and these."""
        yield from self.program.rules()
        yield from self.rules

    def literals(self, rule: Rule) -> list[Literal]:
        """Give the atoms of the body of one of these rules with their signs, groups' too."""
        found = self._literals.get(id(rule))
        if found is None:
            found = self._literals[id(rule)] = list(literals(rule))
        return found

    def scopes(self, rule: Rule) -> list[Scope]:
        """Give the scopes of the body of one of these rules, with what is bound in each."""
        found = self._scopes.get(id(rule))
        if found is None:
            found = self._scopes[id(rule)] = scopes_of(rule.body or ())
        return found

    def table_literals(self, rule: Rule) -> Iterator[Literal]:
        """Give the literals of the body of one of these rules that read tables."""
        return (literal for literal in self.literals(rule) if is_table(literal))

    def deriving(self, table: Table) -> Iterator[PolicyRule]:
        """Give the rules of the program and of these that derive a table; facts are none."""
        yield from self.program.deriving(table)
        yield from self._deriving.get(table, ())

    @property
    def tables_read(self) -> Iterable[Table]:
        """Give the tables that these rules read to derive others."""
        return self._reading

    def tables_read_by(self, table: Table) -> Iterator[Table]:
        """Give the tables that the rules of a table read, one perhaps several times."""
        for policy, rule in self.deriving(table):
            for literal in self.literals(rule):
                yield from _read(policy, literal)

    def tables_reading(self, table: Table) -> Iterator[Table]:
        """Give the tables whose rules read a table, one perhaps several times."""
        for policy, rule in self.program.reading(table):
            if rule.modal is None:
                yield head_table(policy, rule)
        yield from self._reading.get(table, ())

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
    def _deriving(self) -> dict[Table, list[PolicyRule]]:
        rules_by_table: dict[Table, list[PolicyRule]] = {}
        for policy, rule in self.rules:
            if rule.body is not None and rule.modal is None:
                rules_by_table.setdefault(head_table(policy, rule), []).append((policy, rule))
        return rules_by_table

    @cached_property
    def _reading(self) -> dict[Table, list[Table]]:
        heads_by_table: dict[Table, list[Table]] = {}
        for head, rules in self._deriving.items():
            for policy, rule in rules:
                for literal in self.literals(rule):
                    for table in _read(policy, literal):
                        heads_by_table.setdefault(table, []).append(head)
        return heads_by_table

    @cached_property
    def _widths(self) -> dict[Table, int]:
        widths = {table: len(heads[0].arguments) for table, heads in self._heads.items()}
        for policy, rule in self.rules:
            for literal in self.table_literals(rule):
                atom = literal.atom
                table = (atom.policy or policy, atom.table)
                if table in widths or self.program.kind(table[0]) in (None, DATASOURCE):
                    continue
                if all(argument.column is None for argument in atom.arguments):
                    widths[table] = len(atom.arguments)
        return widths


class QueryBatch(Batch):
    """A query, seen together with the program: its head is no table that it could read."""

    @cached_property
    def _heads(self) -> dict[Table, list[Atom]]:
        return {}


def head_table(policy: str, rule: Rule) -> Table:
    """Give the table that a rule of a policy derives."""
    return rule.head.policy or policy, rule.head.table


def _read(policy: str, literal: Literal) -> tuple[Table, ...]:
    """Give the table that a literal reads; of builtins those that ask for the time read one."""
    builtin = find_call(literal.atom)
    if builtin is None:
        return ((literal.atom.policy or policy, literal.atom.table),)
    return () if builtin.reads is None else (builtin.reads,)


def merged_names(known: tuple[str, ...] | None, heads: Iterable[Atom]) -> tuple[str | None, ...]:
    """Give the names on which all heads agree that give one: variables do, constants abstain.

    Shapes: a known name like Col0 stands for none.
    """
    names: list[str | None] = [
        None if name == column_name(number) else name for number, name in enumerate(known or ())
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


def is_table(literal: Literal) -> bool:
    """Tell whether a literal reads a table."""
    return literal.atom.policy != PREFIX and find_call(literal.atom) is None


def table_literals(rule: Rule) -> Iterator[Literal]:
    """Give the literals of a body that read tables."""
    return (literal for literal in literals(rule) if is_table(literal))


def listed(names: Iterable[str | None], *, limit: int = 12) -> str:
    """Give names as a list for people, cut off where it grows long."""
    known = [name for name in names if name]
    shown = ", ".join(known[:limit])
    return f"{shown}, … ({len(known)} in all)" if len(known) > limit else shown
