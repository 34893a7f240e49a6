"""Hints that name what a slip of the pen may have meant; looking for them is bounded."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable
from difflib import get_close_matches

_MAX_HINTS = 50
"""Names in one check for which a likely one is looked for; nobody reads more hints."""
_MAX_NAMES = 200
"""Names among which a likely one is looked for."""
_BESIDE = 33
"""Names of one length on each side of it, where there are more."""
_LONGEST = 80
"""Characters of a name that is typed by a person: comparing two is quadratic."""


class Hints:
    """What one check has found to be meant by names that nothing has."""

    def __init__(self) -> None:
        self._found: dict[tuple[Hashable, str], list[str]] = {}
        self._sorted: dict[Hashable, list[tuple[int, str]]] = {}
        """The candidates with their lengths."""

    def closest(self, name: str, candidates: Iterable[str | None], among: Hashable) -> list[str]:
        """Give candidates that look like `name`, the closest first.

        Shapes: `among` stands for the candidates: in the same ones a name is looked for once.
        Cost: bounded for one check, besides sorting the candidates once; they are not looked at
            where nothing is looked for.
        """
        key = (among, name)
        if key not in self._found:
            if len(self._found) >= _MAX_HINTS or len(name) > _LONGEST:
                return []
            if among not in self._sorted:
                self._sorted[among] = sorted((len(one), one) for one in {*candidates} if one)
            known = _likeliest(name, self._sorted[among])
            self._found[key] = get_close_matches(name, known, n=3, cutoff=0.6)
        return self._found[key]


def _likeliest(name: str, known: list[tuple[int, str]]) -> list[str]:
    """Give the names to compare: of many those that are about as long, and sort beside it."""
    if len(known) <= _MAX_NAMES:
        return sorted(one for _, one in known)
    found: set[str] = set()
    for length in range(len(name) - 1, len(name) + 2):
        place = bisect_left(known, (length, name))
        found.update(one for _, one in known[max(place - _BESIDE, 0) : place + _BESIDE])
    return sorted(found)


def did_you_mean(names: Iterable[str]) -> str:
    """Give a hint that names what was meant; nothing when nothing looks like it."""
    meant = " or ".join(map(repr, names))
    return f"did you mean {meant}?" if meant else ""
