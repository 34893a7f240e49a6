"""Productions of infix arithmetic."""

from __future__ import annotations

import re
from typing import Any

import pyparsing as pp

from .ast import BinaryOperator, Constant, Expression, Negative, Operation, Parameter, Span
from .deep_calls import FEW, allow_deep_calls
from .lexical import FLAGS, MAX_NESTING, MAX_OPERATORS, MIN_INT, SCALAR, SyntaxFault
from .reading import Element, Match, Source, term_of

_SCALAR = re.compile(SCALAR, FLAGS)
_OPERATOR = re.compile(r"\s*+(?P<operator>[-+*/%])\s*+", FLAGS)
_MINUSES = re.compile(r"(?:-\s*+(?!\.?[0-9]))++", FLAGS)
"""Those before something else than a number, whose sign is a part of it."""
_ROUND_CLOSE = re.compile(r"\s*+\)", FLAGS)
_AFTER_SUFFIX = re.compile(r"(?<=[\w.][+-])", FLAGS)
"""What is written as `t-(…)` calls a table, whatever stands before it."""
_NODES = (Operation, Negative)
_STRENGTHS = {"*": 2, "/": 2, "%": 2, "+": 1, "-": 1}


def expressions() -> pp.ParserElement:
    """Give the production of a term or an operation on terms."""
    return ExpressionToken()


class ExpressionToken(Element):
    """Reads an expression in one go: texts may consist of hundreds of thousands of small ones."""

    def __init__(self) -> None:
        super().__init__("a term")

    def parseImpl(self, instring: Any, loc: int, do_actions: bool = True) -> Any:  # noqa: ARG002, N802
        """Give the expression that begins at this place, or raise what keeps it away."""
        found = read_expression(instring, loc)
        if found is None:
            raise pp.ParseException(instring, loc, self.errmsg, self)
        position, expression = found
        return position, [expression]


def read_expression(source: Source, start: int) -> tuple[int, Expression] | None:
    """Give the longest expression at a place, with the place behind it; None when there is none.

    Raises: SyntaxFault: what stands in one of its brackets cannot be read.
    """
    found = _operand(source, start)
    if found is None:
        return None
    position, first = found
    match = _OPERATOR.match(source, position)
    if match is None:
        return found
    items: list[Any] = [first]
    while match is not None:
        operator = _operator(source, match)
        found = _operand(source, match.end())
        if found is None:  # what follows the expression is refused at its operator
            break
        position, operand = found
        items += [operator, operand]
        match = _OPERATOR.match(source, position)
    return position, _fold(source, items)


def check_depth(expression: Expression) -> None:
    """Refuse an expression that nests deeper than what recursive code can follow.

    Raises: SyntaxFault.
    """
    if not isinstance(expression, _NODES) or _is_flat(expression):
        return
    stack: list[tuple[Expression, int]] = [(expression, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_NESTING:
            raise SyntaxFault(
                "too-deep",
                f"the expression nests deeper than {MAX_NESTING}",
                expression.span.start,
                expression.span.end,
                note="each operator of a + b + c but the first nests one deeper, as brackets do",
                hint="compute a part of it in a variable of its own",
            )
        if depth == FEW:
            allow_deep_calls()
        if isinstance(node, Operation):
            stack += [(node.left, depth + 1), (node.right, depth + 1)]
        elif isinstance(node, Negative):
            stack.append((node.operand, depth + 1))


def _is_flat(node: Operation | Negative) -> bool:
    if isinstance(node, Negative):
        return not isinstance(node.operand, _NODES)
    return not isinstance(node.left, _NODES) and not isinstance(node.right, _NODES)


def parameter_at(source: Source, place: int) -> Parameter:
    """Give the `?` at a place. Raises: SyntaxFault: it is not the text of a prepared query."""
    if source.is_prepared:
        return Parameter(f"?@{place}", Span(place, place + 1, source.name))
    raise SyntaxFault(
        "prepared-only",
        "'?' stands in prepared queries only",
        place,
        place + 1,
        note="it stands for a value that is given each time the query is asked",
        hint="write the value itself, or a variable",
    )


def _operand(source: Source, start: int) -> tuple[int, Expression] | None:
    """Give the operand at a place, with the place behind it; None when there is none."""
    match = _SCALAR.match(source, start)
    if match is not None:
        return match.end(), term_of(source, match)
    minuses = _MINUSES.match(source, start)
    if minuses is None:
        if source.startswith("?", start):
            return start + 1, parameter_at(source, start)
        return _bracketed(source, start)
    found = _operand_of_minus(source, minuses.end())
    if found is None:
        return None
    end, value = found
    places = [place for place in range(*minuses.span()) if source[place] == "-"]
    return end, _negative(source, places, value)


def _operand_of_minus(source: Source, start: int) -> tuple[int, Expression] | None:
    match = _SCALAR.match(source, start)
    if match is not None:
        return match.end(), term_of(source, match)
    if source.startswith("?", start):
        return start + 1, parameter_at(source, start)
    return _bracketed(source, start)


def read_to_bracket(source: Source, start: int) -> tuple[int, Expression] | None:
    """Give the expression that ends before a `)`, with the place behind that; None when none does.

    Raises: as `read_expression`.
    """
    found = read_expression(source, start)
    close = _ROUND_CLOSE.match(source, found[0]) if found else None
    return (close.end(), found[1]) if found and close else None


def _bracketed(source: Source, start: int) -> tuple[int, Expression] | None:
    if source.startswith("(", start) and not _AFTER_SUFFIX.match(source, start):
        found = source.read_inside(read_to_bracket, start)
        if found is not None:
            return found
    reading = source.reading_at(start)
    if reading is None or reading.kind != "expression":
        return None
    if reading.fault is not None:
        raise reading.fault
    return reading.end, reading.value


def _operator(source: Source, match: Match) -> str:
    source.operators += 1
    if source.operators > MAX_OPERATORS:
        raise SyntaxFault(
            "too-large",
            f"the statement has more than {MAX_OPERATORS} operators",
            match.start("operator"),
            match.end("operator"),
            hint="compute a part of it in a table of its own",
        )
    return match["operator"]


def _negative(source: Source, places: list[int], value: Expression) -> Expression:
    for place in reversed(places):
        span = Span(place, value.span.end, source.name)
        value = _negated(value, span)
    return value


def _negated(operand: Expression, span: Span) -> Expression:
    """Give a number with its sign turned; what has no sign, or leaves 64 bits, is an operand."""
    number = operand.value if isinstance(operand, Constant) else None
    if type(number) is float or (type(number) is int and number != MIN_INT):
        return Constant(0 - number, span)
    return Negative(operand, span)


def _fold(source: Source, items: list[Any]) -> Expression:
    """Apply the operators by their strength, left to right: products first, then sums."""
    if len(items) == 1:
        only: Expression = items[0]
        return only
    if len(items) == 3:
        return _operation(source, *items)
    for strength in (2, 1):
        folded = [items[0]]
        for operator, right in zip(items[1::2], items[2::2], strict=True):
            if _STRENGTHS[operator] == strength:
                folded[-1] = _operation(source, folded[-1], operator, right)
            else:
                folded += [operator, right]
        items = folded
    expression: Expression = items[0]
    return expression


def _operation(
    source: Source, left: Expression, operator: BinaryOperator, right: Expression
) -> Operation:
    return Operation(operator, left, right, Span(left.span.start, right.span.end, source.name))
