"""Plain statements and brackets, read in one go, without the grammar's production for each.

Most texts consist of these, and pyparsing's cost for each small production would be most of the
time. What is read here is what the grammar makes of the same text, spans included; all else gives
None and is left to it, and so is every diagnostic.
"""

from __future__ import annotations

import re
from typing import Any

import pyparsing as pp

from .ast import Annotation, Argument, Atom, Constant, Rule, Span
from .atoms import ATOM_HEAD, SIMPLE_ATOM, atom_of, called_atom, read_arguments
from .conditions import read_alternatives, read_conditions
from .expressions import read_to_bracket
from .lexical import FLAGS, NAME, VALUE
from .reading import Source, term_at
from .structure import BracketKind

_FACT_END = r"(?=\s*+(?:[;.@]|\Z|[A-Za-z_]))"
_SIMPLE_HEAD = re.compile(rf"{SIMPLE_ATOM}(?:\s*+(?P<arrow>:-)\s*+|{_FACT_END})", FLAGS)
_HEAD = re.compile(SIMPLE_ATOM, FLAGS)
_CALL_HEAD = re.compile(rf"{ATOM_HEAD}\s*+(?=\()", FLAGS)
_ARROW = re.compile(r"\s*+:-\s*+", FLAGS)
_ANNOTATION = re.compile(
    rf"@\s*+(?P<name>{NAME})\s*+\(\s*+(?P<value>{VALUE})\s*+\)(?P<space>\s*+)", FLAGS
)
_MODAL = re.compile(r"(?P<modal>execute|ensure)\s*+\[\s*+", FLAGS)
_SQUARE_CLOSE = re.compile(r"\s*+\]", FLAGS)


def read_statement(source: Source, start: int) -> tuple[int, Rule] | None:
    """Give the statement at a place, with the place behind it; None when it is not a plain one.

    Raises: SyntaxFault: something in it cannot be read; the grammar may say so otherwise.
    """
    match = _SIMPLE_HEAD.match(source, start)
    if match is None:
        return _read_annotated(source, start)
    head = atom_of(source, match)
    if match["arrow"] is None:
        return head.span.end, Rule(head, span=head.span)
    read = read_conditions(source, match.end())
    if read is None:
        return None
    end, body = read
    return end, Rule(head, body, span=Span(start, end, source.name))


def read_bracket(source: Source, start: int, kind: BracketKind) -> Any:
    """Give what a plain bracket holds whose contents begin at a place; None when it is not one.

    Raises: as `read_statement`.
    """
    if kind == "arguments":
        return _arguments(source, start)
    if kind == "bodies":
        read = read_alternatives(source, start)
        return read[1] if read else None
    expression = read_to_bracket(source, start) if kind == "expression" else None
    return expression[1] if expression else None


def _arguments(source: Source, start: int) -> tuple[Argument, ...] | None:
    try:
        return read_arguments(source, start)[1]
    except pp.ParseException:
        return None


def _read_annotated(source: Source, start: int) -> tuple[int, Rule] | None:
    annotations: list[Annotation] = []
    position = start
    while source.startswith("@", position):
        match = _ANNOTATION.match(source, position)
        if match is None:
            return None
        value = term_at(source, match.start("value"))
        if not isinstance(value, Constant):
            return None
        span = Span(position, match.start("space"), source.name)
        annotations.append(Annotation(match["name"], value.value, span))
        position = match.end()
    modal = _MODAL.match(source, position) if source.startswith("e", position) else None
    head = _read_head(source, modal.end() if modal else position)
    end = head.span.end if head else position
    if modal is not None:
        close = _SQUARE_CLOSE.match(source, end)
        end = close.end() if close else position
    if head is None or end == position:
        return None
    arrow = _ARROW.match(source, end)
    body = None
    if arrow is not None:
        read = read_conditions(source, arrow.end())
        if read is None:
            return None
        end, body = read
    span = Span(start, end, source.name)
    kind = modal["modal"] if modal else None
    return end, Rule(head, body, kind, tuple(annotations), span)  # type: ignore[arg-type]


def _read_head(source: Source, start: int) -> Atom | None:
    match = _HEAD.match(source, start)
    if match is not None:
        return atom_of(source, match)
    match = _CALL_HEAD.match(source, start)
    return called_atom(source, match) if match else None
