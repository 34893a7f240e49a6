"""Hints that name what a slip of the pen may have meant; looking for them is bounded."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from difflib import get_close_matches
from itertools import islice

_MAX_HINTS = 50
"""Names in one check for which a likely one is looked for; nobody reads more hints."""
_MAX_NAMES = 200
"""Names among which a likely one is looked for."""
_LONGEST = 80
"""Characters of a name that is typed by a person: comparing two is quadratic."""


class Hints:
    """What one check has found to be meant by names that nothing has."""

    def __init__(self) -> None:
        self._found: dict[tuple[Hashable, str], list[str]] = {}

    def closest(self, name: str, candidates: Iterable[str | None], among: Hashable) -> list[str]:
        """Give candidates that look like `name`, the closest first.

        Shapes: `among` stands for the candidates: in the same ones a name is looked for once.
        Cost: bounded for one check; the candidates are not looked at where nothing is looked for.
        """
        key = (among, name)
        if key not in self._found:
            if len(self._found) >= _MAX_HINTS or len(name) > _LONGEST:
                return []
            known = sorted({*islice((one for one in candidates if one), _MAX_NAMES)})
            self._found[key] = get_close_matches(name, known, n=3, cutoff=0.6)
        return self._found[key]


def did_you_mean(names: Iterable[str]) -> str:
    """Give a hint that names what was meant; nothing when nothing looks like it."""
    meant = " or ".join(map(repr, names))
    return f"did you mean {meant}?" if meant else ""
