"""The options themselves, by group: name, default, and why this default.

The numbers of [dse] stand in options.py, so that they have one source.
"""

from __future__ import annotations

from typing import Any

from oslo_config import cfg

from .protocol.messages import OLDEST_WIRE_VERSION, WIRE_VERSION
from .protocol.options import KIB, MIB, DseOptions

_DSE = DseOptions()


def _number(name: str, reason: str, **limits: Any) -> cfg.Opt:
    default = getattr(_DSE, name)
    kind = cfg.IntOpt if isinstance(default, int) else cfg.FloatOpt
    return kind(name, default=default, help=reason, **limits)


DEFAULT_OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt(
        "data_dir",
        help="Directory of rules, sockets, locks and logs. Given by --data-dir, not in a file, "
        "because a file may be shared by several systems and a directory belongs to one.",
    ),
]

DSE_OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt(
        "transport_url",
        sample_default="uds:///DATA_DIR/bus",
        secret=True,
        help="How nodes reach each other. Unix sockets by default, because they need no server "
        "and no port; several machines need a broker: rabbit://user:password@host:5672/.",
    ),
    cfg.ListOpt(
        "message_key",
        default=[],
        secret=True,
        help="Keys that messages are signed with, as ID:SECRET, separated by commas: the first "
        "signs, any of them verifies, so that keys can be changed one node at a time. None by "
        "default, because only this user can reach the sockets of the default bus; on a broker "
        "that others use too, set it: whoever can publish there could otherwise invent rows.",
    ),
    cfg.BoolOpt(
        "accept_unsigned",
        default=False,
        help="Whether messages without a signature are taken though there is a key. Only while "
        "keys are brought into a running system: first on each node with it, then without.",
    ),
    cfg.IntOpt(
        "wire_version",
        default=WIRE_VERSION,
        min=OLDEST_WIRE_VERSION,
        max=WIRE_VERSION,
        help="Messages leave this node in this version of their format. The newest by default; "
        "while nodes of an older release are on the bus, the one that they read. SIGHUP takes "
        "another.",
    ),
    cfg.IntOpt(
        "call_threads",
        default=16,
        min=1,
        help="Calls that one service answers at a time. Most wait for the database or another "
        "node, so more than there are cores; each thread costs some 100 KB.",
    ),
    cfg.IntOpt(
        "publish_retries",
        default=1,
        min=0,
        max=3,
        help="Times that sending over a broker is repeated, at once and on a new connection. One "
        "is for a connection that has gone stale; when the broker itself is away, more only keep "
        "the sender busy, and what is lost is repaired by the protocol.",
    ),
    _number(
        "heartbeat_interval",
        "Seconds between heartbeats of a stream: at 1 s a dead source shows within 3 s (staleness "
        "counts in these intervals), and all heartbeats cost well under 1 % of a core.",
        min=0.02,
    ),
    _number(
        "heartbeat_jitter",
        "Part of the heartbeat interval by which each one varies, so that nodes started together "
        "do not send together.",
        min=0.0,
        max=0.9,
    ),
    _number(
        "full_heartbeat_interval",
        "Seconds between heartbeats that list every table. It bounds how long a silent "
        "difference can last; at 10 s the digests of hundreds of tables cost nothing.",
        min=0.02,
    ),
    _number(
        "burst_heartbeat_delay",
        "Seconds after the last delta of a burst until a heartbeat, so that a lost last delta is "
        "noticed at once; 0.1 s lets a whole burst share one.",
        min=0.0,
    ),
    _number(
        "coalesce_interval",
        "Seconds that a transaction may wait while earlier messages have not left, to go with "
        "those that follow; a broker takes some 2,000 messages a second however small they are. "
        "Nothing waits while the bus keeps up.",
        min=0.0,
    ),
    _number(
        "gap_grace",
        "Seconds to wait for a missing transaction before asking for it: 50 ms is more than "
        "reordering takes and less than anybody notices.",
        min=0.0,
    ),
    _number(
        "heartbeat_grace",
        "Seconds to wait after a heartbeat names a transaction that has not arrived, because it "
        "may be large and still on its way; that rarely takes longer than 0.5 s.",
        min=0.0,
    ),
    _number(
        "source_wait",
        "Seconds after which a source that was never heard is shown as unavailable: 10 s lets "
        "processes start in any order without a false alarm.",
        min=0.0,
    ),
    _number(
        "first_round",
        "Seconds that the first reads of a datasource may take before it publishes without the "
        "tables that are not in, because one slow table would hide the others.",
        min=0.0,
    ),
    _number(
        "lease_time",
        "Seconds of silence after which a stream may be taken over and a silent child is killed: "
        "6 s outlasts two lost renewals and an ordinary pause of a loaded machine.",
        min=0.3,
    ),
    _number(
        "lease_renewal",
        "Seconds between renewals of a lease: a third of lease_time, so that two may fail.",
        min=0.1,
    ),
    _number(
        "lease_call_timeout",
        "Seconds after which a lease call is repeated: below lease_time, so that one lost answer "
        "costs no lease.",
        min=0.05,
    ),
    _number(
        "log_transactions",
        "Transactions that a publisher keeps for subscribers who missed some: 10,000 cover "
        "minutes at ordinary rates, and whoever missed more gets a snapshot.",
        min=1,
    ),
    _number(
        "log_bytes",
        "Bytes that these transactions may take, because 10,000 large ones would fill the memory.",
        min=MIB,
    ),
    _number(
        "max_inline_bytes",
        "Bytes above which a transaction is not sent to everybody but fetched by who needs it, "
        "because brokers slow down for all when messages exceed some 100 KiB.",
        min=KIB,
    ),
    _number(
        "chunk_bytes",
        "Bytes in one piece of a snapshot: large enough to be quick, small enough not to delay "
        "the heartbeats between them.",
        min=KIB,
    ),
    _number(
        "snapshots_kept",
        "Snapshots that a publisher serves at a time, because each may cost the memory of all "
        "its tables; 4 let a few subscribers start together.",
        min=1,
    ),
    _number(
        "pull_time",
        "Seconds for which a snapshot that nobody goes on fetching is kept, and the log behind "
        "it: longer than any pause from which a subscriber comes back.",
        min=1.0,
    ),
    _number(
        "sync_timeout",
        "Seconds without the next piece after which a sync is begun again: a piece takes "
        "milliseconds, so 5 s means that it is lost.",
        min=0.05,
    ),
    _number(
        "backoff_min",
        "Seconds before the first repetition of a request that failed; short, because most "
        "failures are a restart of a second or less.",
        min=0.001,
    ),
    _number(
        "backoff_max",
        "Longest time in seconds between repetitions: it bounds how long a subscriber stays "
        "behind after a fault has gone.",
        min=0.001,
    ),
    _number(
        "outbox_bytes",
        "Bytes that may wait to be sent; above it publications are dropped and repaired later, "
        "so that an absent bus cannot fill the memory.",
        min=MIB,
    ),
    _number(
        "buffer_bytes",
        "Bytes of transactions that a subscriber keeps while it waits for a snapshot; above it "
        "they are dropped and asked for again, so that the memory stays bounded.",
        min=MIB,
    ),
    _number(
        "call_attempts",
        "Times that a call that is safe to repeat is tried within its deadline: three outlast "
        "the restart of one replica, and more would only add to an overload.",
        min=1,
    ),
    _number(
        "worker_threads",
        "Threads of a node that work on answers to syncs at the same time; few, because they "
        "share one interpreter. Waiting takes no part in it: each source waits by itself.",
        min=1,
    ),
    _number(
        "suspect_intervals",
        "Heartbeat intervals of silence after which a node is suspect and its tables are stale: "
        "three, so that one lost heartbeat raises no alarm.",
        min=1,
    ),
    _number(
        "gone_intervals",
        "Heartbeat intervals of silence after which a node counts as gone: ten, longer than a "
        "restart takes.",
        min=1,
    ),
]

API_OPTIONS: list[cfg.Opt] = [
    cfg.HostAddressOpt(
        "bind_host",
        default="127.0.0.1",
        help="Address on which the API listens: this machine only, because without access rules "
        "everybody who reaches it may change policies.",
    ),
    cfg.PortOpt(
        "bind_port",
        default=1789,
        help="TCP port of the API: Congress's, so that its clients find it.",
    ),
    cfg.FloatOpt(
        "call_timeout",
        default=10.0,
        min=0.1,
        help="Seconds that a request may wait for the policy engine before it is answered 503: "
        "shorter than the 30 s after which most clients and proxies give up.",
    ),
]

METRICS_OPTIONS: list[cfg.Opt] = [
    cfg.HostAddressOpt(
        "bind_host",
        default="127.0.0.1",
        help="Address on which each node serves its metrics for Prometheus: this machine only, "
        "because whoever reaches it learns the names of streams and how they do; not their rows.",
    ),
    cfg.StrOpt(
        "ports",
        default="0",
        help="TCP ports for metrics: 0 for any that is free, because the processes of a machine "
        "share one configuration and Prometheus finds them by GET /metrics/targets of the API; a "
        "range as 9710-9799, of which each process takes the first that is free, where a firewall "
        "stands between; 'off' for no metrics.",
    ),
]

DATABASE_OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt(
        "connection",
        sample_default="sqlite:////DATA_DIR/rules.sqlite",
        secret=True,
        help="URL of the database of rules, in SQLAlchemy's form. SQLite by default, because it "
        "needs no server; several replicas on several machines need PostgreSQL or MySQL.",
    ),
]

UDS_GROUP = "oslo_messaging_uds"
UDS_OPTIONS: list[cfg.Opt] = [
    cfg.IntOpt(
        "send_queue_bytes",
        default=16 * MIB,
        min=64 * KIB,
        help="Bytes that may wait for one peer. A stopped process takes nothing: above this what "
        "is published to it is dropped and calls to it fail, so that no sender waits.",
    ),
    cfg.IntOpt(
        "prefetch_count",
        default=1000,
        min=1,
        help="Messages that a listener takes in before it has handled them; beyond it the "
        "queues of the senders fill. 1,000 keep a handler busy and bound what a crash loses.",
    ),
    cfg.IntOpt(
        "prefetch_bytes",
        default=32 * MIB,
        min=64 * KIB,
        help="Bytes that a listener takes in before it has handled them, because a thousand "
        "large messages would fill the memory.",
    ),
    cfg.IntOpt(
        "max_message_bytes",
        default=64 * MIB,
        min=64 * KIB,
        help="Bytes above which a message is refused, by the sender with an error and by the "
        "receiver by hanging up: it bounds what one peer makes another allocate.",
    ),
]

OPTIONS_BY_GROUP: dict[str, list[cfg.Opt]] = {
    "DEFAULT": DEFAULT_OPTIONS,
    "dse": DSE_OPTIONS,
    "api": API_OPTIONS,
    "metrics": METRICS_OPTIONS,
    "database": DATABASE_OPTIONS,
    UDS_GROUP: UDS_OPTIONS,
}
