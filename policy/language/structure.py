"""What is seen of a text before it is parsed: comments, endless strings, how brackets nest.

Comments are blanked, so offsets stay; brackets that are part of a simple atom are not looked at.
The other ones are listed innermost first, which lets the grammar read each on its own after those
inside of it: depth then costs no stack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal as OneOf

from .deep_calls import FEW, allow_deep_calls
from .lexical import ATOM_TOKEN, FLAGS, MAX_NESTING, POLICY, RESERVED, STRING, TABLE, SyntaxFault

BracketKind = OneOf["arguments", "expression", "bodies", "list"]

_BAD_STRING = r"\"\"\"|'''|\"[^\n]*+|'[^\n]*+"
_COMMENT = re.compile(
    rf"{STRING}|(?:\"\"\"|''').*+|[\"'][^\n]*+|(?P<comment>\#[^\n]*+|//[^\n]*+|/\*.*?\*/)", FLAGS
)
_OPERATOR = r"[-+*/%=<>]"
_RESERVED_WORD = rf"(?:{'|'.join(RESERVED)})(?!\.*\w)"
_WORDS = r"[\w.]++(?::[\w.]++)*+"
_ENDING_NUMBER = r"(?<![\w.])[0-9]\w*+(?:\.[0-9]\w*+)?+(?=\.++[A-Za-z_])"
"""The dot behind it ends the statement, and a name follows."""
_QUIET = "|".join(
    (
        STRING,
        ATOM_TOKEN,
        rf"(?=[\w.]*+-){POLICY}:",
        ":-",
        _RESERVED_WORD,
        _ENDING_NUMBER,
        rf"{_WORDS}(?![+-]?\()(?!\s*+\()",
        rf"(?!/\*){_OPERATOR}(?!\s*+\()",
        r":(?!-)",
        r"[^\w\s.:\"'()\[\]\-+*/%=<>]++",
        r"\s++",
    )
)
_EVENT = re.compile(
    rf"(?:{_QUIET})*+(?:"
    rf"(?P<call>{TABLE}(?:[+-]|\s*+)\()"
    rf"|(?P<comment>/\*)"
    rf"|(?P<operand>{_OPERATOR}\s*+\()"
    rf"|(?P<open>[(\[])"
    rf"|(?P<close>[)\]])"
    rf"|(?P<string>{_BAD_STRING})"
    rf"|(?P<word>{_WORDS})"
    rf"|\Z)",
    FLAGS,
)
"""The next place that matters; the rest is skipped inside the regular expression engine."""
EXPRESSION_GOES_ON = re.compile(rf"\s*+(?:{_OPERATOR}|!=|(?:not\s++)?in(?![\w.]))", FLAGS)
_NEWLINES = re.compile(r"[^\n]")


@dataclass(slots=True)
class Bracket:
    """A pair of round or square brackets; `close` is the place of the closing one.

    Shapes: in the list of all brackets those inside of this one are at `[first, number)`, and it
        is at `number` itself.
    """

    open: int
    kind: BracketKind | None
    parent: Bracket | None
    first: int
    number: int = -1
    close: int = -1


def blank_comments(text: str) -> str:
    """Put spaces in the place of comments; line ends and offsets stay."""
    if "#" not in text and "//" not in text and "/*" not in text:
        return text
    return _COMMENT.sub(_blanked, text)


def brackets_of(text: str) -> list[Bracket]:
    """Find the brackets that are not part of a simple atom, innermost first.

    Raises: SyntaxFault: a bracket, string or comment that does not end, nesting too deep.
    Cost: linear in the text.
    """
    opened: list[Bracket] = []
    closed: list[Bracket] = []
    unsettled: list[Bracket] = []
    position = 0
    while position < len(text):
        match = _EVENT.match(text, position)
        if match is None:  # a lone character that the grammar will refuse
            position += 1
            continue
        position = match.end()
        event = match.lastgroup
        if event in ("call", "operand", "open"):
            bracket = _opened(text, position - 1, event, opened, first=len(closed))
            opened.append(bracket)
            if bracket.kind is None:
                unsettled.append(bracket)
        elif event == "close":
            bracket = _closed(text, position - 1, opened)
            bracket.number = len(closed)
            closed.append(bracket)
        elif event in ("comment", "string"):
            raise _endless(event, match.start(event), position)
    if opened:
        raise _never_closed(text, opened[-1].open)
    for bracket in unsettled:
        _settle_kind(bracket, text)
    return closed


def _blanked(match: re.Match[str]) -> str:
    if match["comment"] is None:
        return match[0]
    return _NEWLINES.sub(" ", match[0])


def _opened(text: str, place: int, event: str, opened: list[Bracket], *, first: int) -> Bracket:
    if len(opened) >= MAX_NESTING:
        raise SyntaxFault(
            "too-deep",
            f"brackets nest deeper than {MAX_NESTING}",
            place,
            place + 1,
            hint="give a part of the rule a table of its own",
        )
    if len(opened) == FEW:
        allow_deep_calls()
    kind: BracketKind | None = None
    if text[place] == "[":
        kind = "list"
    elif event == "call":
        kind = "arguments"
    elif event == "operand":
        kind = "expression"
    return Bracket(place, kind, opened[-1] if opened else None, first)


def _closed(text: str, place: int, opened: list[Bracket]) -> Bracket:
    if not opened:
        raise SyntaxFault(
            "syntax",
            f"'{text[place]}' closes a bracket that was not opened",
            place,
            place + 1,
            hint="remove it, or open its bracket before",
        )
    bracket = opened.pop()
    wanted = "]" if text[bracket.open] == "[" else ")"
    if text[place] != wanted:
        raise SyntaxFault(
            "syntax",
            f"'{text[place]}' stands where '{wanted}' should close the bracket",
            place,
            place + 1,
            note=f"the bracket opened as '{text[bracket.open]}' in {_place(text, bracket.open)}",
            hint=f"write '{wanted}' before it or in its place",
        )
    bracket.close = place
    return bracket


def _place(text: str, offset: int) -> str:
    line_start = text.rfind("\n", 0, offset) + 1
    return f"line {text.count(chr(10), 0, offset) + 1}, column {offset - line_start + 1}"


def _settle_kind(bracket: Bracket, text: str) -> None:
    """Decide what a bracket holds that its surroundings left open. Ordering: parents first."""
    parent = bracket.parent
    in_expression = parent is not None and parent.kind in ("arguments", "expression")
    goes_on = EXPRESSION_GOES_ON.match(text, bracket.close + 1)
    bracket.kind = "expression" if in_expression or goes_on else "bodies"


def _endless(event: str, start: int, end: int) -> SyntaxFault:
    if event == "comment":
        return SyntaxFault(
            "syntax", "the comment does not end", start, end, hint="close it with */"
        )
    return SyntaxFault(
        "syntax",
        "the string does not end",
        start,
        end,
        hint='close it with its quote, or use three quotes (""") for text of several lines',
    )


def _never_closed(text: str, place: int) -> SyntaxFault:
    wanted = "]" if text[place] == "[" else ")"
    return SyntaxFault(
        "syntax",
        f"the bracket '{text[place]}' is never closed",
        place,
        place + 1,
        hint=f"add '{wanted}'",
    )
