"""All sources that a node subscribes to, and how their machines reach the publishers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..clock import Clock, Random
from ..protocol.effects import RequestSync
from ..protocol.messages import Delta, Heartbeat
from ..protocol.options import DseOptions
from ..protocol.subscriber import Subscriber
from ..rate_limit import RateLimit
from .attachments import Attach, Attachments
from .delivery import Delivery, Listener
from .source_feed import FeedTools, SourceFeed, Subscription
from .timetable import Job


class SourceFeeds:
    """Feeds by source, opened by the first subscription, closed by the last; thread safe."""

    def __init__(
        self,
        *,
        options: DseOptions,
        clock: Clock,
        rng: Random,
        delivery: Delivery,
        new_attachments: Callable[[], Attachments],
        listen: Callable[[str], Attach],
        later: Callable[[Job], None],
        request: Callable[[SourceFeed, RequestSync], None],
        due: Callable[[Job, float], None],
        log_limit: RateLimit,
    ) -> None:
        self._options = options
        self._clock = clock
        self._rng = rng
        self._delivery = delivery
        self._new_attachments = new_attachments
        self._listen = listen
        self._later = later
        self._lock = threading.Lock()
        self._feeds: dict[str, tuple[SourceFeed, Attachments]] = {}
        self._subscriptions: dict[tuple[str, Listener], Subscription] = {}
        self._tools = FeedTools(
            clock=clock,
            delivery=delivery,
            request=request,
            wants_changed=self._on_wants,
            stopped=self._on_stopped,
            closed=self._on_closed,
            due=due,
            log_limit=log_limit,
        )
        self.wants: Mapping[str, tuple[str, ...]] = {}
        """The tables wanted of each source; replaced as a whole."""

    def subscribe(self, source: str, tables: Iterable[str], listener: Listener) -> Subscription:
        """Add tables to the subscription of a listener, which is made when there is none."""
        wanted = frozenset(tables)
        while True:
            subscription = self._get_or_make(source, listener)
            if subscription.add(wanted):
                return subscription
            subscription.stop()  # its feed was closed, or it was stopped, in this moment

    def try_hear(self, source: str, read: Callable[[], Delta | Heartbeat | None]) -> bool:
        """Hand a message to a source; False, and nothing done, while the source is busy."""
        feed = self._find(source)
        return feed is None or feed.try_hear(read)

    def heard_epoch(self, source: str, besides: str | None) -> int:
        """Give the newest epoch heard of a source from others than one incarnation, 0 for none."""
        feed = self._find(source)
        return 0 if feed is None else feed.heard_epoch(besides)

    def on_listener_failure(self, source: str) -> None:
        """Count that a listener raised."""
        feed = self._find(source)
        if feed is not None:
            feed.count("listener_failed")

    def report(self) -> list[dict[str, Any]]:
        """Give what an operator wants to know of each source, by name, as plain data."""
        with self._lock:
            feeds = sorted(self._feeds.items())
        return [feed.report(self._options) for _, (feed, _) in feeds]

    def stop(self) -> None:
        """End every subscription; idempotent."""
        with self._lock:
            subscriptions = list(self._subscriptions.values())
            attachments = [attached for _, attached in self._feeds.values()]
        for subscription in subscriptions:
            subscription.stop()
        for attached in attachments:
            attached.stop()

    def _find(self, source: str) -> SourceFeed | None:
        with self._lock:
            found = self._feeds.get(source)
        return None if found is None else found[0]

    def _get_or_make(self, source: str, listener: Listener) -> Subscription:
        """Give the one subscription of a listener to a source."""
        with self._lock:
            known = self._subscriptions.get((source, listener))
            if known is not None:
                return known
            is_new = source not in self._feeds
            feed, attachments = self._feeds.get(source) or self._open(source)
            subscription = Subscription(feed, self._delivery, listener)
            self._subscriptions[source, listener] = subscription
        if is_new:
            attachments.add(self._listen(source))  # may wait for the bus
        return subscription

    def _open(self, source: str) -> tuple[SourceFeed, Attachments]:
        now = self._clock.monotonic()
        machine = Subscriber(source, options=self._options, rng=self._rng, now=now)
        opened = SourceFeed(machine, self._tools), self._new_attachments()
        self._feeds[source] = opened
        return opened

    def _on_wants(self, feed: SourceFeed, wanted: tuple[str, ...]) -> None:
        with self._lock:
            self.wants = {**self.wants, feed.source: wanted}

    def _on_stopped(self, subscription: Subscription) -> None:
        key = subscription.source, subscription.listener
        with self._lock:
            if self._subscriptions.get(key) is subscription:
                del self._subscriptions[key]

    def _on_closed(self, feed: SourceFeed) -> None:
        with self._lock:
            _, attachments = self._feeds.pop(feed.source)
            self.wants = {s: wanted for s, wanted in self.wants.items() if s != feed.source}
        # Not here: it may wait for the bus, and the feed's lock is held now.
        self._later(attachments.stop)
