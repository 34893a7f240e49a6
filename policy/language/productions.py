"""The grammar: statements with heads and annotations, and what stands in each kind of bracket."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pyparsing as pp

from .ast import Annotation, Constant, Span
from .atoms import ArgumentsToken, any_atom, simple_atom
from .bodies import alternatives, bodies
from .expressions import expressions
from .lexical import NAME, VALUE, SyntaxFault
from .reading import Match, Source, Token, built, keep_match, symbol, term_again
from .structure import BracketKind

_MODALS = ("execute", "ensure")


@dataclass(frozen=True, slots=True)
class Grammar:
    """The productions that are entered from outside; bracket contents with the closing bracket."""

    statement: pp.ParserElement
    brackets: dict[BracketKind, pp.ParserElement]


@cache
def grammar() -> Grammar:
    """Build the productions, once."""
    atom, expression = any_atom(), expressions()
    body = bodies(atom, expression)
    head = (_modal(atom) | atom).set_name("a rule or a fact")
    # The simple head alone goes first: most statements begin with one.
    start = simple_atom() | _annotation()[...] + head
    brackets: dict[BracketKind, pp.ParserElement] = {
        "arguments": ArgumentsToken(),
        "expression": expression + symbol(r"\)", "an operator or ')'"),
        "bodies": alternatives(body) + symbol(r"\)", "',', 'or' or ')'"),
    }
    statement = start.set_name("a rule or a fact") + pp.Opt(symbol(":-") - body)
    for element in (statement, *brackets.values()):
        element.streamline()
    return Grammar(statement, brackets)


def _modal(atom: pp.ParserElement) -> pp.ParserElement:
    start = Token(rf"(?P<modal>{NAME})\s*+\[", _modal_name, "an action")
    return start - atom - symbol(r"\]", "']'")


def _modal_name(_source: Source, match: Match) -> str:
    name = match["modal"]
    if name not in _MODALS:
        raise SyntaxFault(
            "modal",
            f"'{name}[…]' is not something a rule can ask for",
            match.start("modal"),
            match.end("modal"),
            hint="heads may be execute[…] or ensure[…]",
        )
    return name


def _annotation() -> pp.ParserElement:
    start = Token(rf"@\s*+(?P<name>{NAME})\s*+\(", keep_match, 'an annotation, as @id("…")')
    value = Token(rf"{VALUE}(?=\s*+\))", term_again, "a string or a number and ')'")
    end = Token(r"\)", keep_match, "')'")
    whole = built(start - value - end, _annotated)
    return whole | symbol("@", "an annotation") - pp.NoMatch().set_name(
        'a name and (, as in @id("…")'
    )


def _annotated(source: Source, start: int, tokens: pp.ParseResults) -> Annotation:
    head, value, end = tokens
    if not isinstance(value, Constant):
        raise SyntaxFault(
            "annotation",
            f"the value of @{head['name']} is not a constant",
            value.span.start,
            value.span.end,
            hint=f'write it in quotes: @{head["name"]}("…")',
        )
    return Annotation(head["name"], value.value, Span(start, end.end(), source.name))
