"""How long a subscriber must wait before it asks for what is missing, and how soon again."""

# ruff: noqa: S101 - the assertions are the purpose

from __future__ import annotations

from collections.abc import Sequence

from congress_dist.protocol.effects import Count, Effect, RequestSync
from congress_dist.protocol.messages import Delta, Heartbeat
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.stream import Position
from congress_dist.protocol.subscriber import Subscriber

_LATE = 1e-6
_FAILED = frozenset(
    {"sync_failed", "sync_busy", "sync_not_yet", "snapshot_gone", "bad_answer", "overtaken"}
)


class Patience:
    """What was heard beyond a position, and since when.

    Written from docs/protocol.md section 4 and not from the machine.
    """

    def __init__(self, options: DseOptions) -> None:
        self._options = options
        self._heard: tuple[int, int] = (0, 0)
        self._delta: tuple[int, int] = (0, 0)
        self._position: Position | None = None
        self._since: float | None = None

    def hear(self, message: Delta | Heartbeat) -> None:
        """Take a message that is not ignored."""
        assert message.epoch is not None
        at = (message.epoch, message.seq)
        self._heard = max(self._heard, at)
        if isinstance(message, Delta):
            self._delta = max(self._delta, at)

    def check_request(self, effects: Sequence[Effect], now: float) -> None:
        """Assert that a gap was given the time to close."""
        if Count("gap") not in effects:
            return
        assert self._position is not None
        assert self._since is not None, "asks for what nobody spoke of"
        options = self._options
        is_buffered = self._delta > self._position
        grace = options.gap_grace if is_buffered else options.heartbeat_grace
        assert now >= self._since + grace - _LATE, "does not wait for what may be late"

    def stand(self, position: Position | None, now: float) -> None:
        """Take where the subscriber stands after a step."""
        if position != self._position:
            self._position, self._since = position, None
        if self._since is None and position is not None and self._heard > position:
            self._since = now

    def check_retry(self, effects: Sequence[Effect], machine: Subscriber, now: float) -> None:
        """Assert that what failed is asked for again soon."""
        has_failed = False
        for effect in effects:
            if isinstance(effect, RequestSync):
                return
            if isinstance(effect, Count) and effect.name in _FAILED:
                has_failed = True
        if has_failed:
            assert machine.next_tick <= now + self._options.backoff_max + _LATE, "asks too late"
