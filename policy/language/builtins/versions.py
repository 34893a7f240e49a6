"""Versions: SemVer 2.0 precedence, and Debian's ordering of package versions."""

from __future__ import annotations

import re
from itertools import zip_longest

from .registry import BuiltinFailure, builtin

_MAX_LENGTH = 500
_SEMVER = re.compile(
    r"v?(?P<major>0|[1-9]\d{0,99})\.(?P<minor>0|[1-9]\d{0,99})\.(?P<patch>0|[1-9]\d{0,99})"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_DEBIAN = re.compile(
    r"(?:(?P<epoch>\d{1,100}):)?(?P<upstream>[0-9A-Za-z.+~:-]+?)"
    r"(?:-(?P<revision>[0-9A-Za-z.+~]+))?",
    re.ASCII,
)
_DEBIAN_PART = re.compile(r"(\D*)(\d*)", re.ASCII)
_Identifier = tuple[bool, int, str]
_SemVer = tuple[tuple[int, int, int], bool, list[_Identifier]]


@builtin("semver_lt(a: text, b: text |)")
def semver_lt(a: str, b: str) -> bool:
    """Hold when version a comes before b, as in SemVer 2.0; a leading v is skipped."""
    return _semver(a) < _semver(b)


@builtin("semver_lteq(a: text, b: text |)")
def semver_lteq(a: str, b: str) -> bool:
    """Hold when version a comes before b or has the same precedence."""
    return _semver(a) <= _semver(b)


@builtin("semver_equal(a: text, b: text |)")
def semver_equal(a: str, b: str) -> bool:
    """Hold when versions a and b have the same precedence: what follows + does not matter."""
    return _semver(a) == _semver(b)


@builtin("debver_lt(a: text, b: text |)")
def debver_lt(a: str, b: str) -> bool:
    """Hold when package version a comes before b, as dpkg sorts them."""
    return _compare_debian(a, b) < 0


@builtin("debver_lteq(a: text, b: text |)")
def debver_lteq(a: str, b: str) -> bool:
    """Hold when package version a comes before b or sorts the same."""
    return _compare_debian(a, b) <= 0


@builtin("debver_equal(a: text, b: text |)")
def debver_equal(a: str, b: str) -> bool:
    """Hold when package versions a and b sort the same: 1.0 and 1.00 do."""
    return _compare_debian(a, b) == 0


def _semver(text: str) -> _SemVer:
    found = _SEMVER.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if found is None:
        raise BuiltinFailure("the text is not a semantic version")
    numbers = int(found["major"]), int(found["minor"]), int(found["patch"])
    before = found["pre"].split(".") if found["pre"] else []
    if any(part.isdigit() and part[0] == "0" and part != "0" for part in before):
        raise BuiltinFailure("the text is not a semantic version")
    # A release comes after its pre-releases; among identifiers numbers come before words.
    return numbers, not before, [_identifier(part) for part in before]


def _identifier(part: str) -> _Identifier:
    return (False, int(part), "") if part.isdigit() else (True, 0, part)


def _compare_debian(a: str, b: str) -> int:
    left, right = _debian(a), _debian(b)
    for mine, other in zip(left, right, strict=True):
        order = _compare_parts(mine, other)
        if order:
            return order
    return 0


def _debian(text: str) -> tuple[str, str, str]:
    found = _DEBIAN.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if found is None:
        raise BuiltinFailure("the text is not a Debian version")
    return found["epoch"] or "0", found["upstream"], found["revision"] or "0"


def _compare_parts(a: str, b: str) -> int:
    """Compare words and numbers in turn; in words ~ comes before their end, letters before signs.

    Source: Debian Policy Manual, 5.6.12.
    """
    for (word, number), (other_word, other_number) in zip_longest(
        _DEBIAN_PART.findall(a), _DEBIAN_PART.findall(b), fillvalue=("", "")
    ):
        mine, other = _weights(word), _weights(other_word)
        if mine != other:
            return -1 if mine < other else 1
        mine_value, other_value = int(number or 0), int(other_number or 0)
        if mine_value != other_value:
            return -1 if mine_value < other_value else 1
    return 0


def _weights(word: str) -> list[int]:
    """Give weights that sort as dpkg does; the end of a word weighs 0."""
    weights = [-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in word]
    return [*weights, 0]
