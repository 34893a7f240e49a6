"""The newest epochs heard of one stream, and from whom (docs/protocol.md section 6)."""

from __future__ import annotations


class HeardEpochs:
    """Enough of what was heard to tell the newest epoch of anybody, or of anybody but one.

    Invariant: `_newest` is the highest (epoch, incarnation) heard, `_other` the highest of another
    incarnation.
    """

    __slots__ = ("_newest", "_other")

    def __init__(self) -> None:
        self._newest = (0, "")
        self._other = 0

    def hear(self, epoch: int, incarnation: str) -> None:
        """Take an epoch that an incarnation publishes."""
        newest, by = self._newest
        if incarnation == by:
            self._newest = (max(newest, epoch), by)
        elif epoch >= newest:
            self._newest, self._other = (epoch, incarnation), newest
        else:
            self._other = max(self._other, epoch)

    def newest(self, besides: str | None = None) -> int:
        """Give the newest epoch heard from anybody besides an incarnation, 0 for none."""
        epoch, incarnation = self._newest
        return self._other if incarnation == besides else epoch
