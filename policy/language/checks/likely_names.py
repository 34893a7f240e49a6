"""Names that look like another one, found without looking at each name there is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

_NEIGHBOURS = 20
"""Names to each side that are looked at: a slip leaves the beginning or the end what it was."""


class LikelyNames:
    """Names in order of their beginnings, and of their ends.

    Cost: made in time n log n; a question looks at a bounded number of names.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._forwards = sorted(set(names))
        self._backwards = sorted(name[::-1] for name in self._forwards)

    def near(self, name: str) -> list[str]:
        """Give the names among which the closest ones are looked for; all, if there are few."""
        backwards = _around(self._backwards, name[::-1])
        return sorted({*_around(self._forwards, name), *(found[::-1] for found in backwards)})


def _around(names: list[str], name: str) -> list[str]:
    place = bisect_left(names, name)
    return names[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]
