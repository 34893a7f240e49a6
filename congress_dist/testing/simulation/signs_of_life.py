"""How old a source's newest sign of life is, by what a subscriber heard."""

from __future__ import annotations

from congress_dist.protocol.messages import Delta, Heartbeat


class SignsOfLife:
    """What was heard of each incarnation, and the link age that follows from it.

    Written from docs/protocol.md section 4 and not from the machine, for runs shorter than the
    ten minutes after which a delay is forgotten.
    """

    def __init__(self) -> None:
        self._highest: dict[str, int] = {}
        self._quickest: dict[str, float] = {}
        self._alive_at: float | None = None
        self._unrenewed: dict[tuple[int | None, str], float] = {}

    def is_news(self, message: Delta | Heartbeat) -> bool:
        """Tell whether a beat is higher than every one of its incarnation before."""
        return message.beat > self._highest.get(message.incarnation, 0)

    def hear(self, message: Delta | Heartbeat, now: float) -> None:
        """Take a message that is not ignored, at a time of the subscriber's clock."""
        if not self.is_news(message):
            return
        sender = message.incarnation
        self._highest[sender] = message.beat
        delay = now - message.sent
        quickest = self._quickest[sender] = min(delay, self._quickest.get(sender, delay))
        alive_at = now - (delay - quickest)
        self._alive_at = alive_at if self._alive_at is None else max(alive_at, self._alive_at)
        if isinstance(message, Heartbeat):
            self._unrenewed[message.epoch, sender] = message.unrenewed

    def unrenewed(self, epoch: int | None, incarnation: str) -> float:
        """Give how long a renewal was overdue by the newest heartbeat; an epoch is a new lease."""
        return self._unrenewed.get((epoch, incarnation), 0.0)

    def are_told(self, link_age: float | None, now: float) -> bool:
        """Tell whether a link age is the one that follows from what was heard."""
        if link_age is None or self._alive_at is None:
            return link_age is self._alive_at
        return abs(now - self._alive_at - link_age) < 1e-6
