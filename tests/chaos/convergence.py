"""Whether, and when, everybody had what the cloud has while it stands."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from .audit import Audit
from .journal import Line


class Convergence:
    """Watches the samples and answers from a time on, at which the cloud stood at a version.

    What a subscriber has is the cloud's at a version: the audit compares the digests.
    """

    def __init__(
        self,
        audit: Audit,
        subscribers: Sequence[str],
        sources: Sequence[str],
        *,
        version: int,
        since: float,
    ) -> None:
        self._audit = audit
        self._version = version
        self._since = since
        self._sources = sources
        self._held = dict.fromkeys(product(subscribers, sources), 0.0)
        self._answered = dict.fromkeys(subscribers, 0.0)

    def look(self) -> bool:
        """Take what was seen last; tell whether all have it."""
        for key, when in self._held.items():
            line = self._audit.sources.get(key)
            if not when and line is not None and self._is_held(line):
                self._held[key] = line["t"]
        for name, when in self._answered.items():
            line = self._audit.answers.get(name)
            if not when and line is not None and self._is_answered(line):
                self._answered[name] = line["t"]
        return all(self._held.values()) and all(self._answered.values())

    def seconds(self) -> tuple[float, float]:
        """Give after how long all subscribers had it, and all answers of the engine."""
        held, answered = max(self._held.values()), max(self._answered.values())
        return held - self._since, answered - self._since

    def lacking(self) -> str:
        """Tell who has not, and what was seen of them."""
        held = [f"{key}: {self._audit.sources.get(key)}" for key, t in self._held.items() if not t]
        asked = [
            f"answer to {name}: {self._audit.answers.get(name)}"
            for name, when in self._answered.items()
            if not when
        ]
        return "; ".join([f"version {self._version}", *held, *asked])

    def _is_held(self, line: Line) -> bool:
        is_new = line["t"] >= self._since and line["version"] == self._version
        return is_new and line["live"] and not line["stale"]

    def _is_answered(self, line: Line) -> bool:
        if line["t"] < self._since or line["kind"] != "answer":
            return False
        seen = line["seen"]
        versions = dict(seen["rows"])
        is_fresh = not any(about["stale"] for about in seen["as_of"].values())
        is_equal = versions == dict.fromkeys(self._sources, self._version)
        return is_equal and is_fresh and not seen["missing"]
