"""The words of the language: regular expressions for whole tokens, and the values of tokens.

Invariant: each expression is linear in what it looks at (possessive repeats, atomic groups).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MAX_TEXT = 2**20
MAX_NESTING = 200
MAX_LITERALS = 1_000
MAX_OPERATORS = 10_000
_MAX_DIGITS = 80
_SURELY_FITS = 19
"""An integer of fewer characters has 64 bits at most."""
MIN_INT, MAX_INT = -(2**63), 2**63 - 1

RESERVED = ("not", "NOT", "or", "in", "true", "false", "null")
_NO_RESERVED = rf"(?!(?:{'|'.join(RESERVED)})(?!\.*\w))"
_ANY_NAME = r"(?>(?:[A-Za-z_]|\.++[A-Za-z_])(?:[\w.]*\w)?)"
NAME = _NO_RESERVED + _ANY_NAME
POLICY = (
    rf"(?:(?<![\w\-])|(?<=:-))(?!(?:{'|'.join(RESERVED)}):)"
    r"(?>(?:[A-Za-z_]|\.++[A-Za-z_])(?:[\w.\-]*\w)?)(?=:(?!-))"
)
"""Begins where a word does: behind each `-` of `a-b-c` the text would be looked through again."""
TABLE = rf"{NAME}(?>(?::{_ANY_NAME})*)"
SUFFIX = r"(?>[+-](?=\()|[+-](?=\s*+(?::-|[,;.)\]]|\Z))|)"
COLUMN = rf"(?>{_ANY_NAME}|[0-9]++)(?=\s*+=(?!=))"

_RADIX = r"0[xX][0-9a-fA-F]++|0[oO][0-7]++|0[bB][01]++"
_EXPONENT = r"[eE][+-]?[0-9]++"
_SIGN = r"(?:[+-]\s*+)?+"
_NUMBER_END = r"(?!\w|\.[0-9])"
INTEGER = rf"(?>{_SIGN}(?:{_RADIX}|[0-9]++)){_NUMBER_END}"
FLOAT = (
    rf"(?>{_SIGN}(?:[0-9]++\.[0-9]++(?:{_EXPONENT})?|\.[0-9]++(?:{_EXPONENT})?"
    rf"|[0-9]++{_EXPONENT}|[0-9]++\.{_EXPONENT}(?!\s*+[(:]))){_NUMBER_END}"
)
"""Before a bracket or a colon `5.e3` is no number: `5` ends a statement, `e3` begins the next."""
ARGUMENT_FLOAT = rf"(?>{FLOAT}|{_SIGN}[0-9]++\.(?=\s*+[,)]))"
"""In an argument list `5.` is a float too; elsewhere its dot ends the statement."""

_TRIPLE = r'"""(?:[^"\\]|\\.|"(?!""))*+"""|' + r"'''(?:[^'\\]|\\.|'(?!''))*+'''"
_SINGLE = r'"(?!"")(?:[^"\\\n]|\\.)*+"|' + r"'(?!'')(?:[^'\\\n]|\\.)*+'"
_QUOTED = rf"{_TRIPLE}|{_SINGLE}"
STRING = rf"(?>{_QUOTED}|(?:[uU]?[rR]?|[bB][rR]?)(?=[\"'])(?:{_QUOTED}))"
"""In one or three quotes. After the prefix `r` escapes stay as they are; `u`, `b` say nothing."""

SCALAR = (
    rf"(?P<string>{STRING})|(?P<word>(?>true|false|null)(?!\.*\w))|(?P<name>{NAME})"
    rf"|(?P<float>{FLOAT})|(?P<integer>{INTEGER})"
)
"""A constant, a variable or `_`."""
ARGUMENT_SCALAR = SCALAR.replace(FLOAT, ARGUMENT_FLOAT)
VALUE = rf"(?>{re.sub('[?]P<[a-z]+>', '?:', SCALAR)})"
_ARGUMENT_VALUE = VALUE.replace(FLOAT, ARGUMENT_FLOAT)
_SIMPLE_ARGUMENT = rf"(?:{COLUMN}\s*+=\s*+)?{_ARGUMENT_VALUE}"
ARGUMENTS = rf"\(\s*+(?:{_SIMPLE_ARGUMENT}(?:\s*+,\s*+{_SIMPLE_ARGUMENT})*+)?\s*+\)"
ATOM_TOKEN = rf"(?:{POLICY}:)?+{TABLE}(?>[+-](?=\()|\s*+){ARGUMENTS}"
"""An atom whose arguments are single terms: one token."""

NULLARY_END = r"(?=\s*+(?:[,;.)\]@]|:-|\Z|(?!(?:in|not)(?!\.*\w))[A-Za-z_]))"
"""What follows a table without arguments, unless it is the first operand of something."""
NEGATION = r"(?>(?:not|NOT)(?!\.*\w)|!(?!=))"
COMPARE = r"(?><=|>=|!=|=(?!=)|<|>)"
FLAGS = re.ASCII | re.DOTALL

_ESCAPE = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\'\"])|(?P<line>\n)|x(?P<x>[0-9a-fA-F]{2})"
    r"|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<octal>[0-7]{1,3}))",
    FLAGS,
)
_SIMPLE_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
}
_HIGHEST_CODE_POINT = 0x10FFFF


@dataclass
class SyntaxFault(Exception):
    """A text that cannot be read, with the place; the grammar's border makes it a diagnostic."""

    code: str
    message: str
    start: int
    end: int
    note: str = ""
    hint: str = ""


def integer_value(token: str, start: int) -> int:
    """Give the value of an integer token.

    Raises: SyntaxFault: beyond 64 bits, or a leading zero that other languages read as octal.
    """
    if len(token) < _SURELY_FITS and token.isdigit() and (token[0] != "0" or len(token) == 1):
        return int(token)
    end = start + len(token)
    token = "".join(token.split())
    digits = token.lstrip("+-")
    sign = -1 if token.startswith("-") else 1
    if len(digits) > _MAX_DIGITS and len(digits.lstrip("0xXoObB")) > _MAX_DIGITS:
        raise _out_of_range(token, start, end)
    if digits.isdigit():
        if digits[0] == "0" and digits.strip("0"):
            raise SyntaxFault(
                "bad-number",
                f"the number '{token[:40]}' starts with a zero",
                start,
                end,
                hint=f"write {digits.lstrip('0')[:40]}, or 0o… for an octal number",
            )
        value = sign * int(digits)
    else:
        value = sign * int(digits, 0)
    if not MIN_INT <= value <= MAX_INT:
        raise _out_of_range(token, start, end)
    return value


def float_value(token: str, start: int) -> float:
    """Give the value of a float token; -0.0 is 0.0. Raises: SyntaxFault: it is too large."""
    value = float("".join(token.split())) + 0.0
    if math.isinf(value):
        raise SyntaxFault(
            "bad-number",
            f"the number '{token[:40]}' is too large for a float",
            start,
            start + len(token),
            note="floats are IEEE doubles: at most about 1.8e308",
            hint="write a smaller number, or the number as text in quotes",
        )
    return value


def string_value(token: str, start: int) -> str:
    """Give the value of a string token, escapes replaced; an unknown escape keeps its backslash.

    Raises: SyntaxFault: NUL or half of a surrogate pair, which no table may hold.
    """
    quoted = token.lstrip("bBrRuU")
    quotes = 3 if quoted[:3] in ('"""', "'''") and len(quoted) >= 6 else 1
    value = quoted[quotes:-quotes]
    prefix = token[: -len(quoted)]
    if "\\" in value and "r" not in prefix.lower():
        value = _ESCAPE.sub(_unescape, value)
    if "\0" in value or not _is_encodable(value):
        raise SyntaxFault(
            "bad-string",
            "the string holds NUL or half of a surrogate pair",
            start,
            start + len(token),
            note="tables hold text that has a UTF-8 form, without NUL",
            hint="leave the character out; no row can hold it",
        )
    return value


def _unescape(match: re.Match[str]) -> str:
    kind, digits = match.lastgroup, match[match.lastindex or 0]
    if kind == "simple":
        return _SIMPLE_ESCAPES[digits]
    if kind == "line":
        return ""
    code = int(digits, 8 if kind == "octal" else 16)
    return chr(code) if code <= _HIGHEST_CODE_POINT else match[0]


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _out_of_range(token: str, start: int, end: int) -> SyntaxFault:
    return SyntaxFault(
        "bad-number",
        f"the integer '{token[:40]}' does not fit into 64 bits",
        start,
        end,
        note=f"integers reach from {MIN_INT} to {MAX_INT}",
        hint="write a float, as 1e20, or the number as text in quotes",
    )
