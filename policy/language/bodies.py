"""Productions of bodies: conditions, groups, and what joins them."""

from __future__ import annotations

import pyparsing as pp

from .ast import (
    Alternatives,
    Atom,
    Body,
    Comparison,
    Conjunct,
    Constant,
    Literal,
    Membership,
    NegatedGroup,
    Span,
    Term,
    Truth,
)
from .atoms import ATOM_HEAD, SIMPLE_ATOM, CallToken, atom_of
from .expressions import check_depth, parameter_at
from .lexical import COMPARE, NAME, NEGATION, VALUE, SyntaxFault
from .reading import (
    Bracketed,
    BracketToken,
    Counted,
    Match,
    Source,
    Token,
    built,
    keep_match,
    span_of,
    symbol,
    term_at,
    together,
)

_CONDITION = "a condition"
_SIMPLE_LITERAL = rf"(?P<literal>(?:(?P<negation>{NEGATION})\s*+)?{SIMPLE_ATOM})"
_CALL = rf"(?P<literal>(?:(?P<negation>{NEGATION})\s*+)?{ATOM_HEAD})"
_SIMPLE_COMPARISON = (
    rf"(?P<left>{VALUE})\s*+(?P<operator>{COMPARE})\s*+(?P<right>{VALUE})(?!\s*+[-+*/%(])"
)
TRUTH = r"(?P<truth>true|false)(?!\.*\w)(?:\s*+\(\s*+\))?+"
"""With brackets too, as Congress prints it."""
_WRONG_COMPARISONS = {"==": "=", "<>": "!=", "=<": "<=", "=>": ">="}


def bodies(atom: pp.ParserElement, expression: pp.ParserElement) -> pp.ParserElement:
    """Give the production of conjuncts separated by commas."""
    conjunct = _conjunct(atom, expression)
    # A comma and the simple condition behind it are one token: most bodies consist of these.
    literal = Counted(rf",\s*+{_SIMPLE_LITERAL}", _literal, _CONDITION)
    comparison = Counted(rf",\s*+{_SIMPLE_COMPARISON}", _simple_comparison, _CONDITION)
    more = literal | comparison | Counted(",", None, "','") - conjunct
    return built(conjunct + more[...], together)


def alternatives(body: pp.ParserElement) -> pp.ParserElement:
    """Give the production of bodies separated by `or`."""
    separator = Counted(r"or(?!\.*\w)", None, "'or'")
    return built(body + (separator - body)[...], together)


def _conjunct(atom: pp.ParserElement, expression: pp.ParserElement) -> pp.ParserElement:
    literal = Token(_SIMPLE_LITERAL, _literal, _CONDITION)
    call = CallToken(_CALL, _called, _CONDITION)
    comparison = Token(_SIMPLE_COMPARISON, _simple_comparison, _CONDITION)
    group = built(BracketToken("bodies", _CONDITION), _group)
    truth = Token(TRUTH, _truth, "true or false")
    negatable = (BracketToken("bodies", "a group") | truth | atom).set_name("a table or a group")
    negated = built(Token(NEGATION, keep_match, "'not'") - negatable, _negated)
    modal = Token(rf"{NAME}\s*+\[", _refuse_modal, _CONDITION)
    operator = Token(rf"==|<>|=<|=>|{COMPARE}", _operator, "a comparison")
    general = built(expression + operator - expression, _comparison)
    positive = built(atom.copy(), _positive)
    simple = literal | call | comparison | _membership() | group
    return (simple | negated | modal | general | truth | positive).set_name(_CONDITION)


def _membership() -> pp.ParserElement:
    start = rf"(?>{VALUE}|\?)\s*+(?P<negation>not\s++)?in\s*+\["
    constant = Token(rf"(?>(?!{NAME}){VALUE}|\?)(?=\s*+[,\]])", _chosen, "a constant")
    end = Token(r"\]", keep_match, "',' or ']'")
    element = Token(start, keep_match, "a term") - constant
    return built(element + (symbol(",") - constant)[...] - end, _member)


def _literal(source: Source, match: Match) -> Literal:
    atom = atom_of(source, match)
    span = Span(match.start("literal"), atom.span.end, source.name)
    return Literal(atom, match["negation"] is not None, span)


def _called(source: Source, match: Match, atom: Atom) -> Literal:
    span = Span(match.start("literal"), atom.span.end, source.name)
    return Literal(atom, match["negation"] is not None, span)


def _positive(_source: Source, _start: int, tokens: pp.ParseResults) -> Literal:
    atom: Atom = tokens[0]
    return Literal(atom, False, atom.span)


def _simple_comparison(source: Source, match: Match) -> Comparison:
    start = match.start("left")
    left, right = term_at(source, start), term_at(source, match.start("right"))
    span = Span(start, match.end(), source.name)
    return Comparison(match["operator"], left, right, span)  # type: ignore[arg-type]


def _group(_source: Source, _start: int, tokens: pp.ParseResults) -> Alternatives:
    bracket: Bracketed = tokens[0]
    return Alternatives(bracket.value, bracket.span)


def _truth(source: Source, match: Match) -> Truth:
    return Truth(match["truth"] == "true", span_of(source, match))


def _negated(source: Source, start: int, tokens: pp.ParseResults) -> Conjunct:
    subject: Truth | Atom | Bracketed = tokens[1]
    span = Span(start, subject.span.end, source.name)
    if isinstance(subject, Truth):
        return Truth(not subject.value, span)
    if isinstance(subject, Atom):
        return Literal(subject, True, span)
    negated: tuple[Body, ...] = subject.value
    return NegatedGroup(negated, span)


def _refuse_modal(_source: Source, match: Match) -> None:
    raise SyntaxFault(
        "modal",
        f"{match[0]!r} opens an action, which stands in heads only",
        match.start(),
        match.end(),
        hint="write execute[…] :- conditions",
    )


def _operator(_source: Source, match: Match) -> str:
    text = match[0]
    if text in _WRONG_COMPARISONS:
        raise SyntaxFault(
            "syntax",
            f"'{text}' is not a comparison",
            match.start(),
            match.end(),
            hint=f"write {_WRONG_COMPARISONS[text]}",
        )
    return text


def _comparison(source: Source, _start: int, tokens: pp.ParseResults) -> Comparison:
    left, operator, right = tokens
    check_depth(left)
    check_depth(right)
    return Comparison(operator, left, right, Span(left.span.start, right.span.end, source.name))


def _chosen(source: Source, match: Match) -> Term:
    return _term_or_parameter(source, match.start())


def _term_or_parameter(source: Source, place: int) -> Term:
    return parameter_at(source, place) if source[place] == "?" else term_at(source, place)


def _member(source: Source, start: int, tokens: pp.ParseResults) -> Membership | Alternatives:
    """Build what a list says.

    Before: `x in [?, 1]`, `x not in [?, 1]`.
    After: `(x = ? or x in [1])`, `(x != ?, x not in [1])`.
    """
    head, end = tokens[0], tokens[-1]
    term, negated = _term_or_parameter(source, start), head["negation"] is not None
    span = Span(start, end.end(), source.name)
    constants = tuple(value for value in tokens[1:-1] if isinstance(value, Constant))
    membership = Membership(term, constants, negated, span)
    if len(constants) == len(tokens) - 2:
        return membership
    conditions: list[Conjunct] = [
        Comparison("!=" if negated else "=", term, value, span)
        for value in tokens[1:-1]
        if not isinstance(value, Constant)
    ]
    if constants:
        conditions.append(membership)
    return Alternatives((tuple(conditions),) if negated else tuple((c,) for c in conditions), span)
