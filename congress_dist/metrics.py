"""Every metric of a node: declared here, made from its report when somebody asks for it.

The only module that knows prometheus_client, which it imports when metrics are asked for the first
time: a node that nobody asks pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .node.call_times import BOUNDS
from .node.standing import BUSY

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("live", "idle", "waiting", "syncing", "behind", "stale", "busy", "broken")
"""What a subscription can be (node/standing.py)."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One declared metric.

    Shapes: `kind` is `gauge`, `counter` or `histogram`; a counter's name ends with `_total`.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()


EVENTS = (
    "adopted", "applied", "bad_answer", "brought_forward", "buffer_overflow", "conflict",
    "divergence", "duplicate", "gap", "given_up", "late_answer", "listener_failed", "outdated",
    "overtaken", "poison", "pull_mismatch", "replay", "request_failed", "rival", "snapshot",
    "snapshot_gone", "sync", "sync_busy", "sync_failed", "sync_not_yet", "synced",
)  # fmt: skip
"""What can happen to a subscription."""
FAULTS = (
    "broker_away", "forged", "inbox_dropped", "nobody", "outbox_dropped", "outbox_failed",
    "peer_gone", "peer_stopped", "queue_full", "replayed", "steps_failed", "twins", "unexpected",
    "unknown_key", "unreadable_malformed", "unreadable_newer_version", "unreadable_oversized",
    "unreadable_unknown_type", "unsigned",
)  # fmt: skip
"""What can be dropped or fail, on any bus."""
ANSWERS = ("busy", "chunks", "gone", "headers", "not_yet", "replays", "snapshots")
"""What an answer to a sync can be (node/sync_counts.py)."""

_STREAM, _SUB = "congress_stream_", "congress_subscription_"

METRICS: tuple[Metric, ...] = (
    Metric("congress_node_info", "gauge", "1; labels say which node this is.",
           ("name", "incarnation", "services", "version")),
    Metric("congress_node_uptime_seconds", "gauge", "Time since the node was made."),
    Metric(f"{_STREAM}publishing", "gauge", "1 while this node publishes the stream.",
           ("stream",)),
    Metric(f"{_STREAM}epoch", "gauge", "Epoch of what is published.", ("stream",)),
    Metric(f"{_STREAM}sequence", "gauge", "Newest transaction of the epoch.", ("stream",)),
    Metric(f"{_STREAM}rows", "gauge", "Rows of all tables of the stream.", ("stream",)),
    Metric(f"{_STREAM}read_age_seconds", "gauge",
           "Time since the last good read of the table that was read longest ago.", ("stream",)),
    Metric(f"{_STREAM}unrenewed_seconds", "gauge",
           "How long a renewal of the lease is overdue.", ("stream",)),
    Metric(f"{_STREAM}log_transactions", "gauge", "Transactions kept for who missed some.",
           ("stream",)),
    Metric(f"{_STREAM}log_bytes", "gauge", "What those weigh.", ("stream",)),
    Metric(f"{_STREAM}log_span_seconds", "gauge",
           "Age of the oldest transaction kept, once some were forgotten.", ("stream",)),
    Metric(f"{_STREAM}snapshots_kept", "gauge", "Answers kept while they are fetched.",
           ("stream",)),
    Metric(f"{_STREAM}slowest_pull_seconds", "gauge",
           "Longest time that somebody took lately to fetch an answer.", ("stream",)),
    Metric(f"{_STREAM}sync_answers_total", "counter", "Answers to syncs, by kind.",
           ("stream", "kind")),
    Metric(f"{_STREAM}sync_answer_bytes_total", "counter", "What those weighed.", ("stream",)),
    Metric(f"{_SUB}state", "gauge", "1 for the state that the subscription is in.",
           ("stream", "state")),
    Metric(f"{_SUB}epoch", "gauge", "Epoch of what is held.", ("stream",)),
    Metric(f"{_SUB}sequence", "gauge", "Transaction of the epoch that is held.", ("stream",)),
    Metric(f"{_SUB}lag_transactions", "gauge", "Transactions heard of and not held.",
           ("stream",)),
    Metric(f"{_SUB}link_age_seconds", "gauge", "Time since the publisher's last sign of life.",
           ("stream",)),
    Metric(f"{_SUB}source_age_seconds", "gauge",
           "Time since the source was read for what is held, of the oldest table.", ("stream",)),
    Metric(f"{_SUB}behind_seconds", "gauge",
           "Age of the oldest transaction that a listener has not taken.", ("stream",)),
    Metric(f"{_SUB}publisher_unrenewed_seconds", "gauge",
           "How long the publisher says that a renewal of its lease is overdue.", ("stream",)),
    Metric(f"{_SUB}rows", "gauge", "Rows held.", ("stream",)),
    Metric(f"{_SUB}stale_tables", "gauge", "Tables held that are stale.", ("stream",)),
    Metric(f"{_SUB}waiting_transactions", "gauge", "Transactions that listeners have not taken.",
           ("stream",)),
    Metric(f"{_SUB}waiting_bytes", "gauge", "What those weigh.", ("stream",)),
    Metric(f"{_SUB}buffered_bytes", "gauge", "Deltas kept that cannot be applied yet.",
           ("stream",)),
    Metric(f"{_SUB}events_total", "counter", "What happened to the subscription, by event.",
           ("stream", "event")),
    Metric(f"{_SUB}sync_bytes_total", "counter", "Bytes of answers to syncs.", ("stream",)),
    Metric("congress_queue_messages", "gauge", "Messages that wait.", ("queue",)),
    Metric("congress_queue_bytes", "gauge", "What those weigh.", ("queue",)),
    Metric("congress_queue_dropped_total", "counter", "Messages that found no room.",
           ("queue",)),
    Metric("congress_messages_total", "counter", "Messages cast, and messages received.",
           ("direction",)),
    Metric("congress_message_bytes_total", "counter", "What those weighed.", ("direction",)),
    Metric("congress_faults_total", "counter", "What was dropped or failed, by fault.",
           ("fault",)),
    Metric("congress_call_made_seconds", "histogram", "Calls that this node made.",
           ("method", "outcome")),
    Metric("congress_call_served_seconds", "histogram", "Calls that this node answered.",
           ("method", "outcome")),
)  # fmt: skip
_METRIC_BY_NAME = {metric.name: metric for metric in METRICS}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value: of a gauge or a counter a number, of a histogram an entry of `CallTimes`."""

    name: str
    labels: tuple[str, ...]
    value: Any


def samples(report: Mapping[str, Any]) -> Iterator[Sample]:
    """Give every value that a node's report has; what is not known has none."""
    yield from _of_node(report)
    for stream in report["streams"]:
        yield from _of_stream(stream)
    for source in report["sources"]:
        yield from _of_source(source)
    for side in ("made", "served"):
        for call in report["calls"][side]:
            labels = call["method"], call["outcome"]
            yield Sample(f"congress_call_{side}_seconds", labels, call)


def exposition(report: Mapping[str, Any]) -> bytes:
    """Give a node's metrics, and its process's, in Prometheus's text format."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(report))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Collector:
    """What prometheus_client asks for families."""

    def __init__(self, report: Mapping[str, Any]) -> None:
        self._report = report

    def collect(self) -> Iterator[Family]:
        """Give a family for each declared metric that has values."""
        families: dict[str, Any] = {}
        for sample in samples(self._report):
            family = families.get(sample.name)
            if family is None:
                family = families[sample.name] = _family(_METRIC_BY_NAME[sample.name])
            _add(family, sample)
        yield from families.values()


def _family(metric: Metric) -> Any:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    kinds = {
        "gauge": GaugeMetricFamily,
        "counter": CounterMetricFamily,
        "histogram": HistogramMetricFamily,
    }
    return kinds[metric.kind](metric.name, metric.help, labels=metric.labels)


def _add(family: Any, sample: Sample) -> None:
    if _METRIC_BY_NAME[sample.name].kind != "histogram":
        family.add_metric(sample.labels, sample.value)
        return
    total, buckets = 0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), sample.value["counts"], strict=True):
        total += count
        buckets.append((bound, total))
    family.add_metric(sample.labels, buckets, sum_value=sample.value["seconds"])


def _of_node(report: Mapping[str, Any]) -> Iterator[Sample]:
    labels = report["node"], report["incarnation"], ",".join(report["services"]), report["version"]
    yield Sample("congress_node_info", labels, 1)
    yield Sample("congress_node_uptime_seconds", (), report["uptime"])
    for name, queue in report["queues"].items():
        yield Sample("congress_queue_messages", (name,), queue["waiting"])
        yield Sample("congress_queue_bytes", (name,), queue["waiting_bytes"])
        yield Sample("congress_queue_dropped_total", (name,), queue["dropped"])
    for direction in ("sent", "received"):
        traffic = report["traffic"]
        yield Sample("congress_messages_total", (direction,), traffic[direction])
        yield Sample("congress_message_bytes_total", (direction,), traffic[f"{direction}_bytes"])
    for fault, count in _counts(FAULTS, report["counters"]):
        yield Sample("congress_faults_total", (fault,), count)


_STREAM_VALUES = {
    f"{_STREAM}rows": "rows",
    f"{_STREAM}read_age_seconds": "read_age",
    f"{_STREAM}unrenewed_seconds": "unrenewed",
    f"{_STREAM}log_transactions": "log_transactions",
    f"{_STREAM}log_bytes": "log_bytes",
    f"{_STREAM}log_span_seconds": "log_seconds",
    f"{_STREAM}snapshots_kept": "snapshots_kept",
    f"{_STREAM}slowest_pull_seconds": "slowest_pull",
}
_SUBSCRIPTION_VALUES = {
    f"{_SUB}lag_transactions": "lag",
    f"{_SUB}link_age_seconds": "link_age",
    f"{_SUB}source_age_seconds": "source_age",
    f"{_SUB}behind_seconds": "behind",
    f"{_SUB}publisher_unrenewed_seconds": "unrenewed",
    f"{_SUB}rows": "rows",
    f"{_SUB}waiting_transactions": "waiting",
    f"{_SUB}waiting_bytes": "waiting_bytes",
    f"{_SUB}buffered_bytes": "buffered_bytes",
}
_BYTES = "sync_bytes"
"""The one counter of streams and sources that counts bytes."""


def _of_stream(stream: Mapping[str, Any]) -> Iterator[Sample]:
    labels = (stream["stream"],)
    yield Sample(f"{_STREAM}publishing", labels, int(stream["epoch"] is not None))
    yield from _position(_STREAM, labels, stream["position"])
    yield from _values(_STREAM_VALUES, labels, stream)
    for kind, count in _counts((_BYTES, *ANSWERS), stream["counters"]):
        if kind == _BYTES:
            yield Sample(f"{_STREAM}sync_answer_bytes_total", labels, count)
        else:
            yield Sample(f"{_STREAM}sync_answers_total", (*labels, kind), count)


def _of_source(source: Mapping[str, Any]) -> Iterator[Sample]:
    labels = (source["source"],)
    for state in STATES:
        yield Sample(f"{_SUB}state", (*labels, state), int(source["state"] == state))
    yield from _position(_SUB, labels, source["position"])
    yield from _values(_SUBSCRIPTION_VALUES, labels, source)
    if source["state"] == BUSY:
        return  # nothing is known; a count of 0 would be one that went down
    yield Sample(f"{_SUB}stale_tables", labels, len(source["stale_tables"]))
    for event, count in _counts((_BYTES, *EVENTS), source["counters"]):
        if event == _BYTES:
            yield Sample(f"{_SUB}sync_bytes_total", labels, count)
        else:
            yield Sample(f"{_SUB}events_total", (*labels, event), count)


def _counts(known: Iterable[str], counted: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    """Give all counts, 0 of what never happened.

    Prometheus sees no increase in a count that begins with 1: an alert of the first time needs
    the 0 before it.
    """
    return {**dict.fromkeys(known, 0), **counted}.items()


def _position(
    prefix: str, labels: tuple[str, ...], position: tuple[int, int] | None
) -> Iterator[Sample]:
    if position is not None:
        yield Sample(f"{prefix}epoch", labels, position[0])
        yield Sample(f"{prefix}sequence", labels, position[1])


def _values(
    keys: Mapping[str, str], labels: tuple[str, ...], report: Mapping[str, Any]
) -> Iterator[Sample]:
    for name, key in keys.items():
        if report[key] is not None:
            yield Sample(name, labels, report[key])
