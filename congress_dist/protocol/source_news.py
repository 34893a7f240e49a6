"""What a source tells of itself beside its rows: that it lives, its lease, how old its tables are.

The ages of what is held (held_age.py) and of what is only heard of (freshness.py), and what
follows from them: which tables are stale (docs/protocol.md section 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .freshness import Freshness
from .held_age import HeldAge
from .held_table import HeldTable
from .messages import Delta, Heartbeat, SyncAnswer, TableSummary
from .options import DseOptions
from .read_times import times_of
from .source_status import TableStatus
from .stream import UNREAD, Epoch, Position, unavailable

NO_PUBLISHER = unavailable("no publisher")


@dataclass(frozen=True, slots=True)
class Behind:
    """How far who asks is behind what is held; `ages` are those of what was held then, if any."""

    seconds: float
    ages: HeldAge | None


class SourceNews:
    """The newest word on each of these; pure."""

    def __init__(self, options: DseOptions, now: float) -> None:
        self._options = options
        self._began = now
        self.freshness = Freshness()
        self._held_age = HeldAge()
        self._max_age: dict[str, float | None] = {}
        self._tables: dict[str, TableSummary] = {}
        self._unrenewed: tuple[Epoch | None, float] = (None, 0.0)
        """How long a renewal was overdue by the newest heartbeat, and of which epoch's lease."""
        self._epoch: Epoch | None = None

    # --- what is told ---------------------------------------------------------------------------

    def hear(self, message: Delta | Heartbeat, now: float) -> bool:
        """Take that somebody speaks; tell whether that is a sign of life."""
        excess = self.freshness.hear(message.incarnation, message.beat, message.sent, now)
        if excess is not None and isinstance(message, Heartbeat):
            self._unrenewed = message.epoch, message.unrenewed
        return excess is not None

    def hear_word(self, message: Delta | Heartbeat, now: float, *, is_news: bool) -> None:
        """Take where a publisher stands, of a message that `hear` took."""
        said_at = self.freshness.said_at(message.incarnation, message.sent, now)
        if not is_news or isinstance(message, Delta):
            self._held_age.hear(message.seq, said_at, {})
            return
        self._held_age.hear(message.seq, said_at, message.read_age)
        self.freshness.note_reads(message.read_age, said_at)
        self._max_age |= {name: table.max_age for name, table in message.tables.items()}
        self._tables = {**({} if message.full else self._tables), **message.tables}

    def hear_answer(self, answer: SyncAnswer, asked_at: float) -> None:
        """Take what the header of an answer says; it was made after it was asked for."""
        self.freshness.note_reads(answer.read_age, asked_at)
        self._max_age |= {name: table.summary.max_age for name, table in answer.tables.items()}

    # --- what is held ---------------------------------------------------------------------------

    def turn(self, epoch: Epoch) -> None:
        """Forget the words that wait: another publisher speaks, or of another epoch."""
        self._epoch = epoch
        self._held_age.turn()

    def adopt(self, heartbeat: Heartbeat, now: float) -> None:
        """Take that what is held is what another publisher's heartbeat tells of."""
        said_at = self.freshness.said_at(heartbeat.incarnation, heartbeat.sent, now)
        self._held_age.take_over(times_of(heartbeat.read_age, said_at))

    def take_over(self, answer: SyncAnswer, asked_at: float) -> None:
        """Take that what is held is another publisher's, by its answer."""
        self._held_age.take_over(times_of(answer.read_age, asked_at))

    def reach(self, seq: int) -> None:
        """Take that the position has come to a seq of the publisher that speaks."""
        self._held_age.reach(seq)

    def ages_held(self) -> HeldAge:
        """Give the ages of what is held now."""
        return self._held_age.copy()

    # --- what is known --------------------------------------------------------------------------

    @property
    def unrenewed(self) -> float:
        """Give how long the publisher's renewal is overdue; an epoch is a lease of its own."""
        epoch, unrenewed = self._unrenewed
        return unrenewed if epoch == self._epoch else 0.0

    def of_unknown(self, name: str, now: float, behind: Behind) -> TableStatus:
        """Give what is known of a table of which nothing was ever answered."""
        link_age = self.freshness.link_age(now)
        silent_for = now - self._began if link_age is None else link_age
        state = NO_PUBLISHER if silent_for >= self._options.source_wait else UNREAD
        return TableStatus(state, self._source_age(name, now, behind), stale=False, rows=0)

    def of_held(
        self,
        held: HeldTable,
        position: Position | None,
        now: float,
        behind: Behind,
        *,
        is_doubtful: bool,
    ) -> TableStatus:
        """Give what is known of a table that is held."""
        name = held.content.name
        source_age = self._source_age(name, now, behind)
        is_old = self._is_aged(name, source_age, self._since_word(now, behind))
        return TableStatus(
            state=held.state,
            source_age=source_age,
            stale=held.read_position is not None or is_doubtful or is_old,
            rows=len(held.content.rows),
            position=held.read_position or position,
        )

    def of_heard(self, now: float, *, is_left: bool) -> Mapping[str, TableStatus]:
        """Give what is known of all tables that heartbeats tell of, wanted or not."""
        link_age = self.freshness.link_age(now)
        known = {}
        for name in sorted(self._tables):
            summary, source_age = self._tables[name], self.freshness.source_age(name, now)
            stale = is_left or self._is_aged(name, source_age, link_age)
            known[name] = TableStatus(summary.state, source_age, stale, summary.rows)
        return known

    def _source_age(self, name: str, now: float, behind: Behind) -> float | None:
        age = later(self._held_age.source_age(name, now), behind.seconds)
        return age if behind.ages is None else _older(age, behind.ages.source_age(name, now))

    def _since_word(self, now: float, behind: Behind) -> float | None:
        since = later(self._held_age.since_word(now), behind.seconds)
        return since if behind.ages is None else _older(since, behind.ages.since_word(now))

    def _is_aged(self, name: str, source_age: float | None, since_word: float | None) -> bool:
        max_age = self._max_age.get(name)
        is_silent = since_word is None or since_word > self._options.stale_after
        is_old = max_age is not None and (source_age is None or source_age > max_age)
        return is_silent or is_old or self.unrenewed > self._options.lease_time


def later(age: float | None, lag: float) -> float | None:
    """Give an age to who is `lag` seconds behind."""
    return None if age is None else age + lag


def _older(age: float | None, other: float | None) -> float | None:
    """Give the higher age: what made rows young did not make those young that were before it."""
    return max((a for a in (age, other) if a is not None), default=None)
