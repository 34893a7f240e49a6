"""Bodies of plain conditions, read in one go, without the grammar's production for each.

What is read here is what the productions of `bodies` would make of the same text, spans included;
where they have more to say, or to refuse, nothing is read and the text is left to them.
"""

from __future__ import annotations

import re

from .ast import (
    Alternatives,
    Body,
    Comparison,
    Conjunct,
    Constant,
    Literal,
    Membership,
    NegatedGroup,
    Span,
    Truth,
    Variable,
)
from .atoms import ATOM_HEAD, SIMPLE_ATOM, atom_of, called_atom
from .bodies import TRUTH
from .expressions import check_depth, read_expression
from .lexical import COMPARE, FLAGS, MAX_LITERALS, NAME, NEGATION, SCALAR, VALUE
from .reading import Match, Source, term_at, term_of
from .structure import EXPRESSION_GOES_ON

_SIMPLE_COMPARISON = (
    rf"(?>(?P<variable>{NAME}(?![\"']))|(?P<left>{VALUE}))\s*+(?P<operator>{COMPARE})\s*+"
    rf"(?>{SCALAR})(?!\s*+[-+*/%(])"
)
_SIMPLE = re.compile(
    rf"(?:(?P<literal>(?:(?P<negation>{NEGATION})\s*+)?{SIMPLE_ATOM})|{_SIMPLE_COMPARISON})"
    r"(?:\s*+,\s*+)?+",
    FLAGS,
)
"""With the comma behind it."""
_CALL = re.compile(rf"(?P<negation>{NEGATION}\s*+)?{ATOM_HEAD}\s*+(?=\()", FLAGS)
_CONSTANT = rf"(?!{NAME}){VALUE}"
_MEMBERSHIP = re.compile(
    rf"{VALUE}\s*+(?P<negation>not\s++)?in\s*+"
    rf"\[(?:\s*+(?P<constants>{_CONSTANT}(?:\s*+,\s*+{_CONSTANT})*+)\s*+\])?",
    FLAGS,
)
_EACH_CONSTANT = re.compile(VALUE, FLAGS)
_GROUP = re.compile(rf"(?P<negation>{NEGATION}\s*+)?(?=\()", FLAGS)
_COMPARED = re.compile(rf"\s*+(?:==|<>|=<|=>|(?P<operator>{COMPARE})\s*+)", FLAGS)
_TRUTH = re.compile(TRUTH, FLAGS)
_COMMA = re.compile(r"\s*+,\s*+", FLAGS)
_BEHIND_BODY = re.compile(r"\s*+(?:(?P<or>or(?!\.*\w)\s*+)|\))", FLAGS)

Read = tuple[int, Conjunct]


def read_conditions(source: Source, start: int) -> tuple[int, Body] | None:
    """Give the body at a place, with the place behind it; None when it is not a plain one.

    Raises: SyntaxFault: a bracket inside of it cannot be read, in the words of its production.
    """
    found: list[Conjunct] = []
    position = start
    while True:
        match = _SIMPLE.match(source, position)
        read = _simple(source, match) if match else _other(source, position)
        if read is None or len(found) >= MAX_LITERALS:
            return None
        end, conjunct = read
        found.append(conjunct)
        behind = match or _COMMA.match(source, end)
        if behind is None or behind.end() == end:
            return end, tuple(found)
        position = behind.end()


def read_alternatives(source: Source, start: int) -> tuple[int, tuple[Body, ...]] | None:
    """Give the bodies in a bracket, with the place behind it; None when they are not plain.

    Raises: as `read_conditions`.
    """
    bodies: list[Body] = []
    position, count = start, 0
    while True:
        read = read_conditions(source, position)
        if read is None:
            return None
        bodies.append(read[1])
        count += len(read[1])
        behind = _BEHIND_BODY.match(source, read[0])
        if behind is None or count > MAX_LITERALS:
            return None
        position = behind.end()
        if behind["or"] is None:
            return position, tuple(bodies)


def _simple(source: Source, match: Match) -> Read:
    start, operator = match.start(), match["operator"]
    if operator is None:
        atom = atom_of(source, match)
        end = atom.span.end
        return end, Literal(atom, match["negation"] is not None, Span(start, end, source.name))
    name, right = match["variable"], term_of(source, match)
    if name is None or name == "_":
        left = term_at(source, start)
    else:
        left = Variable(name, Span(start, start + len(name), source.name))
    end = right.span.end
    span = Span(start, end, source.name)
    return end, Comparison(operator, left, right, span)  # type: ignore[arg-type]


def _other(source: Source, start: int) -> Read | None:
    """Read a condition that is no simple one. Ordering: as in the production of a conjunct."""
    match = _CALL.match(source, start) if source[start : start + 1] != "(" else None
    if match is not None:
        atom = called_atom(source, match)
        if atom is not None:
            span = Span(start, atom.span.end, source.name)
            return span.end, Literal(atom, match["negation"] is not None, span)
    match = _GROUP.match(source, start)
    group = _group(source, match) if match else None
    if group is not None:
        return group
    match = _MEMBERSHIP.match(source, start)
    return _membership(source, match) if match else _comparison(source, start)


def _membership(source: Source, match: Match) -> Read | None:
    if match["constants"] is None:
        return None
    constants: list[Constant] = []
    for found in _EACH_CONSTANT.finditer(source, *match.span("constants")):
        constant = term_at(source, found.start())
        if not isinstance(constant, Constant):
            return None
        constants.append(constant)
    start, end = match.span()
    span, negated = Span(start, end, source.name), match["negation"] is not None
    return end, Membership(term_at(source, start), tuple(constants), negated, span)


def _group(source: Source, match: Match) -> Read | None:
    found = source.read_inside(read_alternatives, match.end())
    if found is None:
        reading = source.reading_at(match.end())
        if reading is None or reading.kind != "bodies":
            return None
        if reading.fault is not None:
            raise reading.fault
        found = reading.end, reading.value
    elif EXPRESSION_GOES_ON.match(source, found[0]):
        return None
    end, bodies = found
    span = Span(match.start(), end, source.name)
    kind = Alternatives if match["negation"] is None else NegatedGroup
    return end, kind(bodies, span)


def _comparison(source: Source, start: int) -> Read | None:
    first = read_expression(source, start)
    if first is None:
        return None
    end, left = first
    operator = _COMPARED.match(source, end)
    if operator is None:
        return _truth(source, start)
    second = read_expression(source, operator.end()) if operator["operator"] else None
    if second is None:
        return None
    end, right = second
    check_depth(left)
    check_depth(right)
    span = Span(left.span.start, right.span.end, source.name)
    return end, Comparison(operator["operator"], left, right, span)  # type: ignore[arg-type]


def _truth(source: Source, start: int) -> Read | None:
    match = _TRUTH.match(source, start)
    if match is None:
        return None
    return match.end(), Truth(match["truth"] == "true", Span(start, match.end(), source.name))
