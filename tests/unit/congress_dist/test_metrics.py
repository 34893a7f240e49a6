"""Metrics: each declared one is made from a node's report, and nothing else is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from congress_dist import metrics
from congress_dist.metrics import (
    ANSWERS,
    EVENTS,
    FAULTS,
    METRICS,
    STATES,
    exposition,
    samples,
)
from congress_dist.node import standing
from congress_dist.node.call_times import BOUNDS, CallTimes
from congress_dist.node.delivery import Told
from congress_dist.node.source_report import busy_report, source_report
from congress_dist.node.stream_report import stream_report
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.source_status import SourceStatus, TableStatus
from congress_dist.protocol.stream import READY, Epoch, Position, Seq
from congress_dist.protocol.stream_status import StreamStatus

AT = Position(Epoch(3), Seq(17))


def full_report() -> dict[str, Any]:
    """Give the report of a node of which everything is known."""
    calls = CallTimes()
    calls.note("lease_renew", "ok", 0.004)
    calls.note("lease_renew", "ok", 99.0)
    status = SourceStatus(
        position=AT,
        live=True,
        link_age=0.4,
        tables={"servers": TableStatus(READY, source_age=2.0, stale=True, rows=5)},
        counters={"gap": 2, "sync_bytes": 4096},
        heard_epoch=3,
        lag=1,
    )
    stream = StreamStatus(AT, 1, 5, 2.0, 16, 1000, 60.0, 1, 0.5)
    told = [Told(AT, {}, 0.0, waiting=2, waiting_bytes=300)]
    return {
        "node": "datasource-nova",
        "incarnation": "i1",
        "services": ["nova", "glance"],
        "version": "0.1.0",
        "uptime": 12.0,
        "streams": [
            stream_report(
                "nova",
                stream,
                state="publishing",
                why="",
                epoch=3,
                unrenewed=0.0,
                counters={"snapshots": 1, "sync_bytes": 2048},
            ),
        ],
        "sources": [source_report("neutron", status, told, options=DseOptions(), is_broken=False)],
        "queues": {"outbox": {"waiting": 1, "waiting_bytes": 100, "dropped": 7}},
        "traffic": {"sent": 5, "sent_bytes": 50, "received": 6, "received_bytes": 60},
        "counters": {"unexpected": 1},
        "calls": {"made": calls.report(), "served": calls.report()},
    }


def test_each_declared_metric_is_made_and_each_made_one_declared() -> None:
    made = {sample.name: len(sample.labels) for sample in samples(full_report())}
    assert made == {metric.name: len(metric.labels) for metric in METRICS}


def test_names_keep_to_the_conventions() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith("congress_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.kind != "histogram" or metric.name.endswith("_seconds")
        assert metric.help.endswith(".")


def test_values_arrive_as_prometheus_reads_them() -> None:
    text = exposition(full_report()).decode()
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    of_neutron = ("stream", "neutron")
    assert found["congress_stream_sequence", ("stream", "nova")] == 17
    assert found["congress_stream_sync_answers_total", ("kind", "snapshots"), ("stream", "nova")]
    assert found["congress_subscription_lag_transactions", of_neutron] == 1
    assert found["congress_subscription_events_total", ("event", "gap"), of_neutron] == 2
    assert found["congress_subscription_sync_bytes_total", of_neutron] == 4096
    assert found["congress_subscription_stale_tables", of_neutron] == 1
    assert found["congress_queue_dropped_total", ("queue", "outbox")] == 7
    labels = ("method", "lease_renew"), ("outcome", "ok")
    assert found["congress_call_made_seconds_count", *labels] == 2
    assert found["congress_call_made_seconds_sum", *labels] == pytest.approx(99.004)
    assert found["congress_call_made_seconds_bucket", ("le", "0.0025"), *labels] == 0
    assert found["congress_call_made_seconds_bucket", ("le", "0.005"), *labels] == 1
    assert found["congress_call_made_seconds_bucket", ("le", "+Inf"), *labels] == 2
    assert ("process_resident_memory_bytes",) in found


def test_exactly_one_state_of_a_subscription_is_one() -> None:
    (source,) = full_report()["sources"]
    values = {s.labels[1]: s.value for s in samples(full_report()) if s.name.endswith("_state")}
    assert values == {state: int(state == source["state"]) for state in STATES}
    words = {value for name, value in vars(standing).items() if name.isupper()}
    assert words | {"broken"} == set(STATES)


def test_what_is_not_known_has_no_value() -> None:
    report = full_report()
    unknown = SourceStatus(position=None, live=False, link_age=None, tables={})
    idle = stream_report(
        "nova", None, state="candidate", why="", epoch=None, unrenewed=0.0, counters={}
    )
    told = [Told(None, {}, 0.0)]
    never = source_report("glance", unknown, told, options=DseOptions(), is_broken=False)
    report |= {"streams": [idle], "sources": [never, busy_report("nova")]}
    text = exposition(report).decode()
    assert "congress_stream_publishing" in text
    assert "congress_stream_sequence" not in text
    assert "congress_subscription_link_age_seconds" not in text
    of_busy = [line for line in text.splitlines() if 'stream="nova"' in line and "subscr" in line]
    assert 'congress_subscription_state{state="busy",stream="nova"} 1.0' in of_busy
    assert all(line.startswith("congress_subscription_state{") for line in of_busy)


def test_count_of_what_never_happened_is_zero_so_that_its_first_time_is_an_increase() -> None:
    report = full_report()
    report["sources"][0]["counters"] = report["streams"][0]["counters"] = report["counters"] = {}
    zeros = {sample.name: set[str]() for sample in samples(report)}
    for sample in samples(report):
        if sample.value == 0 and sample.labels:
            zeros[sample.name].add(sample.labels[-1])
    assert zeros["congress_subscription_events_total"] == set(EVENTS)
    assert zeros["congress_stream_sync_answers_total"] == set(ANSWERS)
    assert zeros["congress_faults_total"] == set(FAULTS)
    assert zeros["congress_subscription_sync_bytes_total"] == {"neutron"}
    assert zeros["congress_stream_sync_answer_bytes_total"] == {"nova"}


def test_log_that_forgets_nothing_has_no_span() -> None:
    whole = StreamStatus(AT, 1, 5, None, 16, 1000, math.inf, 0, 0.0)
    report = stream_report(
        "nova", whole, state="publishing", why="", epoch=3, unrenewed=0.0, counters={}
    )
    assert report["log_seconds"] is None


def test_classes_of_call_times_are_those_of_the_histogram() -> None:
    times = CallTimes()
    for bound in BOUNDS:
        times.note("m", "ok", bound)
    (report,) = times.report()
    assert report["counts"] == [1] * len(BOUNDS) + [0]


def test_a_node_that_nobody_asks_does_not_load_the_library() -> None:
    source = Path(metrics.__file__).read_text()
    top_level = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    assert not any("prometheus_client" in line for line in top_level)
