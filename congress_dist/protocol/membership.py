"""Who is on the bus, by the heartbeats heard (docs/protocol.md section 4, membership).

Pure: used to notice two processes that run under one name, and to know the newest epoch of each
stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .effects import Alarm, Count, Effect
from .heard_epochs import HeardEpochs
from .messages import Heartbeat
from .options import DseOptions

_MAX_PEERS = 10_000


@dataclass(slots=True)
class Peer:
    """One service of one incarnation, as its newest heartbeat told.

    Units: `heard_at` on the local clock.
    """

    service: str
    node_id: str
    incarnation: str
    first_heard_at: float
    heard_at: float
    wants: dict[str, tuple[str, ...]]


class Membership:
    """The services heard of within the time after which a node is gone.

    Invariant: at most `_MAX_PEERS` peers are remembered; the oldest go first. `_by_name` has the
    same, by incarnation under node and service.
    """

    def __init__(self, options: DseOptions) -> None:
        self._options = options
        self._peers: dict[tuple[str, str], Peer] = {}
        self._by_name: dict[tuple[str, str], dict[str, Peer]] = {}
        self._epochs: dict[str, HeardEpochs] = {}

    def on_heartbeat(self, heartbeat: Heartbeat, now: float) -> list[Effect]:
        """Take a heartbeat of anybody.

        Cost: the same however many there are.
        """
        before = self._remove(heartbeat.incarnation, heartbeat.service)
        if heartbeat.epoch is not None and (
            heartbeat.service in self._epochs or len(self._epochs) < _MAX_PEERS
        ):
            heard = self._epochs.setdefault(heartbeat.service, HeardEpochs())
            heard.hear(heartbeat.epoch, heartbeat.incarnation)
        if heartbeat.stopping:
            return []
        peer = Peer(
            service=heartbeat.service,
            node_id=heartbeat.node_id,
            incarnation=heartbeat.incarnation,
            first_heard_at=now if before is None else before.first_heard_at,
            heard_at=now,
            wants=dict(heartbeat.wants),
        )
        self._peers[peer.incarnation, peer.service] = peer
        self._by_name.setdefault((peer.node_id, peer.service), {})[peer.incarnation] = peer
        self._forget(now)
        twins = self._twins(peer)
        if not twins:
            return []
        fields = {"node_id": peer.node_id, "incarnations": sorted({*twins, peer.incarnation})}
        return [Count("twins"), Alarm("two live processes run under one node id", fields)]

    def heard_epoch(self, service: str, besides: str | None = None) -> int:
        """Give the newest epoch heard of a stream from others than one incarnation, 0 for none."""
        heard = self._epochs.get(service)
        return 0 if heard is None else heard.newest(besides)

    def alive(self, now: float) -> list[Peer]:
        """Give who was heard within the time after which a node is suspect."""
        return [p for p in self._peers.values() if now - p.heard_at <= self._options.stale_after]

    def wanted(self, service: str) -> set[str]:
        """Give the tables of a service that anybody wants."""
        wants: Iterable[tuple[str, ...]] = (
            peer.wants.get(service, ()) for peer in self._peers.values()
        )
        return {table for tables in wants for table in tables}

    def _twins(self, peer: Peer) -> set[str]:
        """Give the other incarnations of a service that speak while this one does.

        One that fell silent when this one began was its predecessor: it was killed, and this one
        started.
        """
        began = peer.first_heard_at + self._options.heartbeat_interval
        return {
            other.incarnation
            for other in self._by_name[peer.node_id, peer.service].values()
            if other.incarnation != peer.incarnation and other.heard_at > began
        }

    def _forget(self, now: float) -> None:
        # Newest last: the first that is recent ends the search.
        while self._peers:
            oldest = next(iter(self._peers.values()))
            is_gone = now - oldest.heard_at > self._options.gone_after
            if not is_gone and len(self._peers) <= _MAX_PEERS:
                return
            self._remove(oldest.incarnation, oldest.service)

    def _remove(self, incarnation: str, service: str) -> Peer | None:
        peer = self._peers.pop((incarnation, service), None)
        if peer is not None:
            named = self._by_name[peer.node_id, service]
            del named[incarnation]
            if not named:
                del self._by_name[peer.node_id, service]
        return peer
