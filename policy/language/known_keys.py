"""Keys of mappings that people write in YAML and JSON: one that says nothing is a slip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from congress_dist.errors import InvalidRequest


def refuse_unknown_keys(given: Iterable[object], known: Sequence[str], place: str) -> None:
    """Make sure that each key is a known one. Raises: InvalidRequest: names it and its place."""
    for key in given:
        if key not in known:
            close = get_close_matches(str(key), known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"keys are {', '.join(known)}"
            raise InvalidRequest(f"{place}: there is no key {key!r}; {hint}")
