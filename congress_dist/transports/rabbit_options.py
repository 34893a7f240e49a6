"""Our defaults for oslo.messaging's group [oslo_messaging_rabbit], each with its reason.

Only defaults: a configuration file has the last word. The options themselves, and those that keep
upstream's default, are oslo.messaging's; the reader of this module is rabbit_driver.py.
"""

from __future__ import annotations

from oslo_config import cfg

RABBIT_GROUP = "oslo_messaging_rabbit"
RABBIT_OPTIONS: list[cfg.Opt] = [
    cfg.IntOpt(
        "rabbit_qos_prefetch_count",
        default=100,
        min=0,
        help="Messages that a listener takes in before it has begun with them: enough to keep "
        "a handler busy, and what a slow one holds in memory. Upstream has no limit.",
    ),
    cfg.IntOpt(
        "rabbit_transient_queues_ttl",
        default=60,
        min=0,
        help="Seconds after which a queue without a listener is deleted: longer than a broken "
        "connection takes to come back, and at upstream's 1800 the queues of processes that were "
        "killed would collect half an hour of everything.",
    ),
    cfg.IntOpt(
        "heartbeat_timeout_threshold",
        default=10,
        min=0,
        help="Seconds of silence after which a connection is given up, by either end. The least "
        "that RabbitMQ recommends is 5; upstream's 60 would leave a listener deaf for a minute.",
    ),
    cfg.FloatOpt(
        "kombu_reconnect_delay",
        default=0.0,
        min=0.0,
        help="Seconds of pause before the first attempt to connect again: none, because it is "
        "spent with the connection locked, and attempts have an interval of their own.",
    ),
    cfg.IntOpt(
        "rabbit_retry_interval",
        default=1,
        min=1,
        help="Seconds between attempts to connect: the least that there is, so that listeners are "
        "back about a second after the broker; each connection varies it by a half.",
    ),
    cfg.IntOpt(
        "rabbit_retry_backoff",
        default=0,
        min=0,
        help="Seconds by which that interval grows: not at all, because a refused connection "
        "costs nothing, and who waits longer is stale for longer.",
    ),
    cfg.IntOpt(
        "rabbit_interval_max",
        default=1,
        min=1,
        help="Longest time in seconds between attempts to connect: no longer than the shortest, "
        "because who waits is stale.",
    ),
    cfg.IntOpt(
        "kombu_missing_consumer_retry_timeout",
        default=3,
        min=0,
        help="Seconds for which an answer is offered to a caller whose queue is gone: a caller "
        "that lives makes it anew within a second or two, and a thread waits all the while.",
    ),
]
