"""What must hold all along, checked against what the processes wrote down and what the cloud had.

Each check is a promise of docs/protocol.md section 5, or of the node that keeps it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Protocol

from .cloud import Cloud, Truth
from .journal import Line
from .member import Life

MARGIN = 0.3
"""Seconds by which an age may be wrong: the delay of a message that is no longer than usual."""
PAUSE_MARGIN = 2.0
"""Seconds after a pause in which a loop may not have gone round yet."""
MEMORY = 600 * 1024 * 1024
"""Bytes that a process of a small world must not exceed, whatever happens to it."""
NEVER = frozenset(
    {"conflict", "divergence", "given_up", "listener_failed", "poison", "pull_mismatch"}
    | {"request_failed", "steps_failed", "twins", "unreadable_malformed"}
)
"""Counters that count faults of our own: a broken network is no excuse for them."""


class Who(Protocol):
    """Whose lines they are."""

    name: str


class Audit:
    """Takes all lines; keeps what they break, and what was seen last."""

    def __init__(self, cloud: Cloud, *, max_age: float, memory: int = MEMORY) -> None:
        self._cloud = cloud
        self._truth = Truth(cloud.shape)
        self._max_age = max_age
        self._memory = memory
        self._read: defaultdict[str, set[int]] = defaultdict(set)
        self._version_at: dict[tuple[str, int, int], int] = {}
        self._last: dict[tuple[str, str], Line] = {}
        self._counters: dict[tuple[str, str], Counter[str]] = {}
        self.broken: list[str] = []
        """What was broken, each with who did it."""
        self.checks: Counter[str] = Counter()
        """How often each promise was looked at."""
        self.sources: dict[tuple[str, str], Line] = {}
        """The last sample of each source, by member and source."""
        self.nodes: dict[str, Line] = {}
        """The last sample of each node in its present life."""
        self._lives: dict[str, Life] = {}
        self.answers: dict[str, Line] = {}
        """The last line about a question to the engine, by member."""

    def take(self, member: Who, source: str, life: Life, line: Line) -> None:
        """Take a line; `source` is what a publisher publishes."""
        who = f"{member.name}.{life.number}"
        if self._lives.get(member.name) is not life:
            self._lives[member.name] = life
            self.nodes.pop(member.name, None)
        match line["kind"]:
            case "read":
                self._read[source].add(line["version"])
            case "applied":
                self._on_applied(who, line)
            case "status":
                self.sources[member.name, line["source"]] = line
                self._on_status(who, line)
            case "node":
                self.nodes[member.name] = line
                self._on_node(who, life, line)
            case "answer":
                self.answers[member.name] = line
                self._on_answer(who, line)
            case "unanswered":
                self.answers[member.name] = line
                self.checks["questions without an answer"] += 1

    def is_back(self, member: Who, life: Life, since: float) -> bool:
        """Tell whether a node said since a time, in this life, that the broker is there."""
        node = self.nodes.get(member.name) if self._lives.get(member.name) is life else None
        return node is not None and node["t"] >= since and not node["is_away"]

    def totals(self) -> Counter[str]:
        """Give what all nodes have counted in all their lives."""
        return sum(self._counters.values(), Counter())

    def fail(self, what: str) -> None:
        """Note something else that must not be."""
        self.broken.append(what)

    def _check(self, promise: str, who: str, line: Line, *, holds: bool) -> None:
        self.checks[promise] += 1
        if not holds:
            self.fail(f"{promise}: {who} {line}")

    def _on_applied(self, who: str, line: Line) -> None:
        source, epoch, seq, version = (line[k] for k in ("source", "epoch", "seq", "version"))
        last = self._last.get((who, source))
        digest = int(line["digest"], 16)
        if version is None:
            # Right for who begins with a source that had read no table when it had to begin.
            is_state = last is None and digest == 0
        else:
            is_state = digest == self._truth.digest(version)
        self._check("what is applied is what the cloud was", who, line, holds=is_state)
        if version is None:
            return
        self._last[who, source] = line
        is_read = version in self._read[source]
        self._check("what is applied was published", who, line, holds=is_read)
        known = self._version_at.setdefault((source, epoch, seq), version)
        self._check("one position is one state", who, line, holds=known == version)
        if last is not None:
            is_after = (epoch, seq) >= (last["epoch"], last["seq"])
            self._check("the position never goes back", who, line, holds=is_after)
            is_newer = epoch > last["epoch"] or version >= last["version"]
            self._check("an epoch never goes back in time", who, line, holds=is_newer)

    def _on_status(self, who: str, line: Line) -> None:
        self._count(who, line["source"], line)
        if line["version"] is not None and not line["stale"]:
            is_fresh = self._is_fresh(line["version"], line["t"])
            self._check("what is too old is marked stale", who, line, holds=is_fresh)

    def _on_node(self, who: str, life: Life, line: Line) -> None:
        self._count(who, "", line)
        was_stopped = life.was_stopped_about(line["t"], PAUSE_MARGIN)
        is_alive = line["is_alive"] or was_stopped
        self._check("the loop of a node goes on", who, line, holds=is_alive)
        is_small = line["memory"] <= self._memory
        self._check("the memory of a node is bounded", who, line, holds=is_small)

    def _on_answer(self, who: str, line: Line) -> None:
        is_whole = not line["torn"]["rows"]
        self._check("the engine never sees half a transaction", who, line, holds=is_whole)
        for source, version, about in versions_in(line):
            at = (source, *(about["position"] or (0, 0)))
            is_state = self._version_at.get(at, version) == version
            is_state = is_state and version in self._read[source]
            self._check("an answer is what was published", who, line, holds=is_state)
            if not about["stale"] and not line["seen"]["missing"]:
                is_fresh = self._is_fresh(version, line["t"])
                self._check("an answer that is too old is marked stale", who, line, holds=is_fresh)

    def _is_fresh(self, version: int, when: float) -> bool:
        """Tell whether the cloud was at a version not long before a time."""
        end = self._cloud.end_of(version)
        return end is None or end >= when - self._max_age - MARGIN

    def _count(self, who: str, source: str, line: Line) -> None:
        counters = Counter(line["counters"])
        before = self._counters.get((who, source), Counter())
        self._counters[who, source] = counters
        for name in NEVER & counters.keys():
            is_same = counters[name] == before[name]
            self._check(f"{name} stays 0", who, line, holds=is_same)


def versions_in(answer: Line) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Give what the engine has: source, version, and what it says of the source."""
    seen = answer["seen"]
    for source, version in seen["rows"]:
        yield source, version, seen["as_of"][source]
