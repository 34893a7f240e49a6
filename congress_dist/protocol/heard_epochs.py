"""The newest epochs heard of one stream, and from whom (docs/protocol.md section 6)."""

from __future__ import annotations


class HeardEpochs:
    """Enough of what was heard to tell the newest epoch of anybody, or of anybody but one.

    Invariant: `_heard` is the highest epoch, whose it is, and the highest of anybody else;
    replaced as a whole, so that any thread may ask while one hears.
    """

    __slots__ = ("_heard",)

    def __init__(self) -> None:
        self._heard = (0, "", 0)

    def hear(self, epoch: int, incarnation: str) -> None:
        """Take an epoch that an incarnation publishes."""
        newest, by, other = self._heard
        if incarnation == by:
            self._heard = max(newest, epoch), by, other
        elif epoch >= newest:
            self._heard = epoch, incarnation, newest
        else:
            self._heard = newest, by, max(other, epoch)

    def newest(self, besides: str | None = None) -> int:
        """Give the newest epoch heard from anybody besides an incarnation, 0 for none."""
        epoch, incarnation, other = self._heard
        return other if incarnation == besides else epoch
