"""From policy text to rules, with a diagnostic for every text that is not one; in linear time."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pyparsing as pp

from congress_dist.errors import InvalidRequest

from .ast import (
    Aggregate,
    Alternatives,
    Annotation,
    Argument,
    Atom,
    Body,
    Literal,
    NegatedGroup,
    Negative,
    Operation,
    Rule,
    Span,
    Truth,
    Variable,
    Wildcard,
)
from .collection import without_collection
from .diagnostics import Diagnostic, PolicyError
from .lexical import FLAGS, MAX_LITERALS, MAX_TEXT, RESERVED, SyntaxFault
from .places import line_starts_of, place_of
from .productions import grammar
from .reading import Reading, Source, skip_space, too_many_literals
from .slips import END_OF_RULE, QUERY, comma_behind_head, fault_of, unexpected
from .statements import read_bracket, read_statement
from .structure import Bracket, BracketKind, blank_comments
from .walk import literals_of

_TERMINATOR = re.compile(r"(?P<terminator>\s*+;|\.|\s++\.(?!\.*+[A-Za-z_]))?+\s*+", FLAGS)
_HEAD_COMMA = re.compile(r"\s*+,\s*+(?=\S)", FLAGS)
_STATEMENT_START = re.compile(
    rf"(?!(?:{'|'.join(RESERVED)})(?!\.*\w|-[\w\-]*+:))[A-Za-z_.@]", FLAGS
)
_GROUPS = (Alternatives, NegatedGroup)
_WORKED_OUT = (Operation, Negative, Aggregate)
_LARGE = 2**16
"""Characters of a text that is worth putting the collector off."""


def parse(text: str, *, source: str = "<text>") -> list[Rule]:
    """Read the statements of a text.

    Raises: PolicyError: the text is not policy text; it names the first place where it fails.
    Cost: linear in the text.
    """
    with _quietly(text):
        return [_with_body(rule) if rule.body is None else rule for rule in _read(text, source)]


def parse_sequence(text: str, *, source: str = "<sequence>") -> list[tuple[Rule, ...]]:
    """Read statements that may have several heads: `q(1), r(x) :- s(x)` means both at once.

    Shapes: each statement is one rule per head, all with its body.
    Raises: as `parse`.
    """
    joins: set[int] = set()
    statements: list[list[Rule]] = []
    for number, rule in enumerate(_read(text, source, joins=joins)):
        if number in joins:
            statements[-1].append(rule)
        else:
            statements.append([rule])
    return [
        tuple(_with_body(replace(rule, body=heads[-1].body)) for rule in heads)
        for heads in statements
    ]


def parse_query(text: str) -> Rule:
    """Read a query: a rule is itself; an atom `t(1, y)` becomes `t(1, y) :- t(1, y)`.

    Shapes: the head's arguments are those of the atom, columns by name included; each `_` becomes
        a variable of its own. `execute[s:t(x)]` asks for the rows of the table `execute[t]`.
    Raises: PolicyError: not policy text, not exactly one statement, or a rule for an action.
    """
    return _one_query(text, is_prepared=False)


def parse_prepared(text: str) -> Rule:
    """Read a query as `parse_query` does, with a `Parameter` for each `?`."""
    return _one_query(text, is_prepared=True)


def _one_query(text: str, *, is_prepared: bool) -> Rule:
    source = QUERY
    rules = _read(text, source, is_prepared=is_prepared)
    if len(rules) != 1:
        place = rules[1].span if rules else Span(0, len(text), source)
        what = f"{len(rules)} statements" if rules else "nothing"
        message = f"a query is one statement, this text has {what}"
        hint = "ask for one table, as servers(x, y), or write one rule: answer(x) :- servers(x, _)"
        fault = SyntaxFault("query", message, place.start, place.end, hint=hint)
        raise PolicyError([_diagnostic_of(fault, text, source)])
    rule = rules[0]
    if rule.modal is not None and rule.body is not None:
        place = rule.head.span
        message = "a query asks for rows of a table, it does not act"
        hint = "ask what the action's rule asks: answer(x) :- the conditions of its body"
        fault = SyntaxFault("query", message, place.start, place.end, hint=hint)
        raise PolicyError([_diagnostic_of(fault, text, source)])
    return rule if rule.body is not None else _query_of(rule)


def _read(
    text: str, source: str, *, joins: set[int] | None = None, is_prepared: bool = False
) -> list[Rule]:
    try:
        with _quietly(text):
            return _statements(text, source, joins, is_prepared=is_prepared)
    except SyntaxFault as fault:
        raise PolicyError([_diagnostic_of(fault, text, source)]) from None


def _quietly(text: str) -> AbstractContextManager[None]:
    """Put the collector off while a text is read that is worth it. Raises: InvalidRequest."""
    if not isinstance(text, str):
        raise InvalidRequest(f"policy text is a str, found {type(text).__name__}")
    return without_collection() if len(text) >= _LARGE else nullcontext()


def _with_body(rule: Rule) -> Rule:
    """Make a rule of a head that has to be worked out: `p(1 + 2)` means `p(1 + 2) :- true`."""
    if rule.body is not None:
        return rule
    for argument in rule.head.arguments:
        if isinstance(argument.value, _WORKED_OUT):
            break
    else:
        return rule
    body = (Truth(True, rule.head.span),)
    return Rule(rule.head, body, rule.modal, rule.annotations, rule.span)


def _statements(text: str, name: str, joins: set[int] | None, *, is_prepared: bool) -> list[Rule]:
    """Read all statements; `joins` gets the numbers of those that a comma joins to the last."""
    if len(text) > MAX_TEXT:
        raise SyntaxFault(
            "too-large",
            f"the text has {len(text)} characters, at most {MAX_TEXT} are read at once",
            0,
            0,
            hint="insert it in parts",
        )
    source = Source(blank_comments(text))
    source.name, source.readings, source.read = name, {}, _read_bracket
    source.brackets, source.numbers, source.fault = None, {}, None
    source.is_prepared = is_prepared
    rules: list[Rule] = []
    position = skip_space(source, 0)
    open_end = False
    while position < len(source):
        start = position
        position, rule = _statement(source, start, open_end=open_end)
        rules.append(rule)
        if joins is not None and rule.body is None:
            comma = _HEAD_COMMA.match(source, position)
            if comma is not None:
                joins.add(len(rules))
                position, open_end = comma.end(), False
                continue
        behind = _TERMINATOR.match(source, position)
        if behind is not None:  # it always matches
            open_end, position = behind["terminator"] is None, behind.end()
    return rules


def _read_bracket(source: Source, bracket: Bracket) -> Reading:
    kind, end = bracket.kind or "list", bracket.close + 1
    if kind == "list":
        return Reading(kind, end)
    value = _plain_bracket(source, bracket.open + 1, kind)
    if value is not None:
        return Reading(kind, end, value)
    source.begin(is_plain=False)
    try:
        _, tokens = grammar().brackets[kind]._parse(source, bracket.open + 1)
    except SyntaxFault as fault:
        return Reading(kind, end, fault=fault)
    except pp.ParseBaseException as error:
        return Reading(kind, end, fault=fault_of(error, source))
    return Reading(kind, end, tokens[0])


def _plain_bracket(source: Source, start: int, kind: BracketKind) -> Any:
    source.begin(is_plain=True)
    try:
        return read_bracket(source, start, kind)
    except SyntaxFault:
        return None  # the grammar says what is wrong


def _statement(source: Source, start: int, *, open_end: bool) -> tuple[int, Rule]:
    if open_end and not _STATEMENT_START.match(source, start):
        source.look_at_brackets()
        if source.startswith(",", start):  # a body would have read it
            raise comma_behind_head(source, start)
        raise unexpected(source, start, END_OF_RULE)
    end, rule = _plain(source, start) or _parsed(source, start)
    # A literal has a character at least, and what separates it from the next one.
    if end - start > 2 * MAX_LITERALS and rule.body is not None and _has_too_many(rule.body):
        source.look_at_brackets()
        raise too_many_literals(start, end)
    return end, rule


def _plain(source: Source, start: int) -> tuple[int, Rule] | None:
    source.begin(is_plain=True)
    try:
        return read_statement(source, start)
    except SyntaxFault:
        return None  # the grammar says what is wrong


def _parsed(source: Source, start: int) -> tuple[int, Rule]:
    # Ordering: what is wrong with any bracket is told before what else is.
    source.look_at_brackets()
    source.begin(is_plain=False)
    try:
        end, tokens = grammar().statement._parse(source, start)
    except pp.ParseBaseException as error:
        raise fault_of(error, source) from None
    end = start + len(source[start:end].rstrip())
    items = list(tokens)
    body = items.pop() if isinstance(items[-1], tuple) else None
    head = items.pop()
    modal = items.pop() if items and isinstance(items[-1], str) else None
    annotations: list[Annotation] = items
    span = Span(start, end, source.name)
    return end, Rule(head, body, modal, tuple(annotations), span)


def _has_too_many(body: Body) -> bool:
    if len(body) <= MAX_LITERALS and not any(isinstance(c, _GROUPS) for c in body):
        return False
    return sum(1 for _ in literals_of(body)) > MAX_LITERALS


def _query_of(rule: Rule) -> Rule:
    arguments = tuple(
        Argument(Variable(f"_{index}", a.span), a.column, a.span)
        if isinstance(a.value, Wildcard)
        else a
        for index, a in enumerate(rule.head.arguments)
    )
    table = f"{rule.modal}[{rule.head.table}]" if rule.modal else rule.head.table
    asked = Atom(table, arguments, rule.head.policy, rule.head.span)
    head = Atom(table, arguments, None, rule.head.span)
    return Rule(head, (Literal(asked, False, asked.span),), span=rule.span)


def _diagnostic_of(fault: SyntaxFault, text: str, source: str) -> Diagnostic:
    place = place_of(text, Span(fault.start, fault.end, source), line_starts=line_starts_of(text))
    return Diagnostic(
        fault.code,
        fault.message,
        note=fault.note,
        hint=fault.hint,
        source=source,
        **place._asdict(),
    )
