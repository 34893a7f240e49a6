"""Productions of infix arithmetic."""

from __future__ import annotations

import pyparsing as pp

from .ast import Constant, Expression, Negative, Operation, Span
from .lexical import MAX_NESTING, MAX_OPERATORS, SCALAR, SyntaxFault
from .reading import Bracketed, BracketToken, Match, Source, Token, built, keep_match, term_of

_STRENGTHS = {"*": 2, "/": 2, "%": 2, "+": 1, "-": 1}


def expressions() -> pp.ParserElement:
    """Give the production of a term or an operation on terms."""
    scalar = Token(SCALAR, term_of, "a term")
    bracket = built(BracketToken("expression", "a term"), _bracket)
    primary = (scalar | bracket).set_name("a term")
    minus = Token("-", keep_match, "'-'")
    operand = (scalar | bracket | built(minus[1, ...] + primary, _minus)).set_name("a term")
    operator = Token(r"[-+*/%]", _operator, "an operator")
    return built(operand + (operator + operand)[...], _fold).set_name("a term")


def check_depth(expression: Expression) -> None:
    """Refuse an expression that nests deeper than what recursive code can follow.

    Raises: SyntaxFault.
    """
    stack: list[tuple[Expression, int]] = [(expression, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_NESTING:
            raise SyntaxFault(
                "too-deep",
                f"the expression nests deeper than {MAX_NESTING}",
                expression.span.start,
                expression.span.end,
                hint="compute a part of it in a variable of its own",
            )
        if isinstance(node, Operation):
            stack += [(node.left, depth + 1), (node.right, depth + 1)]
        elif isinstance(node, Negative):
            stack.append((node.operand, depth + 1))


def _bracket(_source: Source, _start: int, tokens: pp.ParseResults) -> Expression:
    bracket: Bracketed = tokens[0]
    expression: Expression = bracket.value
    return expression


def _operator(source: Source, match: Match) -> str:
    source.operators += 1
    if source.operators > MAX_OPERATORS:
        raise SyntaxFault(
            "too-large",
            f"the statement has more than {MAX_OPERATORS} operators",
            match.start(),
            match.end(),
            hint="compute a part of it in a table of its own",
        )
    return match[0]


def _minus(source: Source, _start: int, tokens: pp.ParseResults) -> Expression:
    value: Expression = tokens[-1]
    minuses: list[Match] = list(tokens[:-1])
    for minus in reversed(minuses):
        span = Span(minus.start(), value.span.end, source.name)
        if isinstance(value, Constant) and isinstance(value.value, int | float):
            value = _negated(value, span)
        else:
            value = Negative(value, span)
    return value


def _negated(constant: Constant, span: Span) -> Expression:
    """Give the constant with its sign turned; a boolean, which has none, stays an operand."""
    if isinstance(constant.value, bool) or not isinstance(constant.value, int | float):
        return Negative(constant, span)
    return Constant(0 - constant.value, span)


def _fold(source: Source, _start: int, tokens: pp.ParseResults) -> Expression:
    """Apply the operators by their strength, left to right: products first, then sums."""
    items = list(tokens)
    for strength in (2, 1):
        folded = [items[0]]
        for operator, right in zip(items[1::2], items[2::2], strict=True):
            if _STRENGTHS[operator] == strength:
                span = Span(folded[-1].span.start, right.span.end, source.name)
                folded[-1] = Operation(operator, folded[-1], right, span)
            else:
                folded += [operator, right]
        items = folded
    expression: Expression = items[0]
    return expression
