"""The numbers of the data bus protocol, each with its reason (docs/protocol.md section 11).

Pure data, so that the state machines know no configuration library; `config.dse_options` reads
them from a file.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class DseOptions:
    """What a node's protocol runs with.

    Units: seconds, unless the name says another.
    """

    heartbeat_interval: float = 1.0
    """A lost last message is noticed within about two of them; also the unit of stale and gone."""
    heartbeat_jitter: float = 0.2
    """Part of the interval by which each one varies, so that nodes started together drift
    apart."""
    full_heartbeat_interval: float = 10.0
    """How often a heartbeat lists every table: bounds how long a silent difference can last."""
    burst_heartbeat_delay: float = 0.1
    """After the last delta of a burst: a lost last delta is noticed at once, a burst costs one
    heartbeat."""
    coalesce_interval: float = 0.01
    """How long a transaction may wait for others while what was sent before has not left: a bus
    carries so many messages a second, however small they are."""
    gap_grace: float = 0.05
    """How long a missing delta may just be late before it is asked for."""
    heartbeat_grace: float = 0.5
    """The same for one that only a heartbeat told of; longer, because a transport may carry small
    messages past a large one."""
    source_wait: float = 10.0
    """After this long without a word a source counts as having no publisher."""
    first_round: float = 2.0
    """How long the first transaction of an epoch waits for tables that are slow to read."""
    lease_time: float = 6.0
    """How long an owner may be silent before a candidate takes over: three missed renewals."""
    lease_renewal: float = 2.0
    """How often an owner renews, and a candidate looks."""
    lease_call_timeout: float = 3.0
    """After this long a lease call is repeated; below lease_time, so that one lost answer costs no
    lease."""
    log_transactions: int = 10_000
    """Transactions kept for replay: a subscriber that was away shorter needs no snapshot."""
    log_bytes: int = 64 * MIB
    """The same in bytes of rows, so that large transactions cannot fill the memory."""
    max_inline_bytes: int = 256 * KIB
    """A larger transaction is announced and pulled, so that it does not delay small ones behind
    it."""
    chunk_bytes: int = 256 * KIB
    """Size of the pieces in which a sync is pulled; a piece must travel well within
    sync_timeout."""
    snapshots_kept: int = 4
    """Pulls that a publisher serves at a time; more are told to come back."""
    pull_time: float = 60.0
    """How long a pull that nobody continues is kept, and the log behind it."""
    sync_timeout: float = 5.0
    """After this long without the next piece a sync is begun again."""
    backoff_min: float = 0.1
    backoff_max: float = 2.0
    """Repeated requests wait a random time below a bound that doubles from the first to the
    second."""
    outbox_bytes: int = 64 * MIB
    """Messages that wait for a slow bus; more are dropped and counted, and subscribers resync."""
    buffer_bytes: int = 64 * MIB
    """The same for what has arrived and cannot be applied yet, per stream."""
    call_attempts: int = 3
    """How often a call that is safe to repeat is tried within its deadline."""
    worker_threads: int = 4
    """Answers to syncs that are worked on at the same time; each source waits by itself."""
    suspect_intervals: int = 3
    gone_intervals: int = 10
    """Missed heartbeats after which a node is suspect, and gone. Tables are stale with
    `suspect`."""

    @property
    def stale_after(self) -> float:
        """Give the link age above which everything of a stream is stale."""
        return self.suspect_intervals * self.heartbeat_interval

    @property
    def gone_after(self) -> float:
        """Give the silence after which a node is forgotten."""
        return self.gone_intervals * self.heartbeat_interval
