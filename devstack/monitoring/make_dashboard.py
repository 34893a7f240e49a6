"""Writes grafana-dashboard.json: rows of panels, each with its queries. Run it after a change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("grafana-dashboard.json")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT = 8, 7
NODE, STREAM = '{node=~"$node"}', '{node=~"$node",stream=~"$stream"}'
SUB, PUB = "congress_subscription_", "congress_stream_"

ROWS: dict[str, list[tuple[str, str, list[tuple[str, str]]]]] = {
    "Now": [
        ("Nodes that answer", "short", [("sum(up{job='congress'})", "nodes")]),
        ("Subscriptions by state", "short",
         [(f"sum by (state) ({SUB}state{STREAM})", "{{state}}")]),
        ("Subscriptions that are not live", "short",
         [(f'{SUB}state{{node=~"$node",stream=~"$stream",state!~"live|idle"}} == 1',
           "{{node}} {{stream}}: {{state}}")]),
    ],
    "Streams": [
        ("Transactions published per second", "ops",
         [(f"rate({PUB}sequence{STREAM}[1m])", "{{stream}}")]),
        ("Rows", "short", [(f"{PUB}rows{STREAM}", "{{stream}}")]),
        ("Age of the oldest read", "s", [(f"{PUB}read_age_seconds{STREAM}", "{{stream}}")]),
        ("Publishers by stream", "short",
         [(f"sum by (stream) ({PUB}publishing{STREAM})", "{{stream}}")]),
        ("Epoch", "short", [(f"{PUB}epoch{STREAM}", "{{stream}}")]),
        ("Renewal of the lease overdue", "s",
         [(f"{PUB}unrenewed_seconds{STREAM}", "{{stream}}"),
          (f"{SUB}publisher_unrenewed_seconds{STREAM}", "{{node}} hears of {{stream}}")]),
    ],
    "Subscribers": [
        ("Lag", "short", [(f"{SUB}lag_transactions{STREAM}", "{{node}} {{stream}}")]),
        ("Link age", "s", [(f"{SUB}link_age_seconds{STREAM}", "{{node}} {{stream}}")]),
        ("Source age", "s", [(f"{SUB}source_age_seconds{STREAM}", "{{node}} {{stream}}")]),
        ("Position", "short", [(f"{SUB}sequence{STREAM}", "{{node}} {{stream}}"),
                               (f"{SUB}epoch{STREAM}", "{{node}} {{stream}} epoch")]),
        ("Rows held, tables stale", "short",
         [(f"{SUB}rows{STREAM}", "{{node}} {{stream}} rows"),
          (f"{SUB}stale_tables{STREAM}", "{{node}} {{stream}} stale tables")]),
        ("Listeners are behind", "s", [(f"{SUB}behind_seconds{STREAM}", "{{node}} {{stream}}")]),
    ],
    "What went wrong, and was made good": [
        ("Gaps, syncs, duplicates, divergences per minute", "short",
         [((f"sum by (event) (rate({SUB}events_total{{node=~\"$node\",stream=~\"$stream\","
           f"event!=\"applied\"}}[5m])) * 60"), "{{event}}")]),
        ("Answers to syncs per minute", "short",
         [(f"sum by (kind) (rate({PUB}sync_answers_total{STREAM}[5m])) * 60", "{{kind}}")]),
        ("Bytes of syncs per second", "Bps",
         [(f"sum by (stream) (rate({PUB}sync_answer_bytes_total{STREAM}[5m]))", "{{stream}} sent"),
          (f"sum by (stream) (rate({SUB}sync_bytes_total{STREAM}[5m]))", "{{stream}} received")]),
        ("Dropped per minute", "short",
         [(f"rate(congress_queue_dropped_total{NODE}[5m]) * 60", "{{node}} {{queue}}")]),
        ("Faults per minute", "short",
         [(f"rate(congress_faults_total{NODE}[5m]) * 60", "{{node}} {{fault}}")]),
        ("Log and slowest pull", "s",
         [(f"{PUB}log_span_seconds{STREAM}", "{{stream}} log reaches back"),
          (f"{PUB}slowest_pull_seconds{STREAM}", "{{stream}} slowest pull")]),
    ],
    "Queues and buffers": [
        ("Messages that wait", "short",
         [(f"congress_queue_messages{NODE}", "{{node}} {{queue}}"),
          (f"{SUB}waiting_transactions{STREAM}", "{{node}} {{stream}} for listeners")]),
        ("Bytes that wait", "bytes",
         [(f"congress_queue_bytes{NODE}", "{{node}} {{queue}}"),
          (f"{SUB}waiting_bytes{STREAM}", "{{node}} {{stream}} for listeners"),
          (f"{SUB}buffered_bytes{STREAM}", "{{node}} {{stream}} buffered")]),
        ("Kept for subscribers", "bytes",
         [(f"{PUB}log_bytes{STREAM}", "{{stream}} log"),
          (f"{PUB}log_transactions{STREAM}", "{{stream}} transactions"),
          (f"{PUB}snapshots_kept{STREAM}", "{{stream}} snapshots")]),
    ],
    "Calls": [
        ("Calls made, 99 % within", "s",
         [((f"histogram_quantile(0.99, sum by (method, le) (rate(congress_call_made_seconds_bucket"
           f"{NODE}[5m])))"), "{{method}}")]),
        ("Calls served, 99 % within", "s",
         [((f"histogram_quantile(0.99, sum by (method, le) (rate("
           f"congress_call_served_seconds_bucket{NODE}[5m])))"), "{{method}}")]),
        ("Calls that failed per minute", "short",
         [(("sum by (method, outcome) (rate(congress_call_made_seconds_count"
           '{node=~"$node",outcome!="ok"}[5m])) * 60'), "{{method}} {{outcome}}")]),
    ],
    "Processes": [
        ("Messages per second", "ops",
         [(f"rate(congress_messages_total{NODE}[1m])", "{{node}} {{direction}}")]),
        ("Bytes per second", "Bps",
         [(f"rate(congress_message_bytes_total{NODE}[1m])", "{{node}} {{direction}}")]),
        ("Memory", "bytes", [(f"process_resident_memory_bytes{NODE}", "{{node}}")]),
        ("CPU", "percentunit",
         [(f"rate(process_cpu_seconds_total{NODE}[1m])", "{{node}}")]),
        ("Up since", "s", [(f"congress_node_uptime_seconds{NODE}", "{{node}}")]),
        ("Versions", "short", [(f"sum by (version) (congress_node_info{NODE})", "{{version}}")]),
    ],
}  # fmt: skip
"""Panels by row: title, unit, and queries with their legends."""


def dashboard() -> dict[str, Any]:
    """Give the dashboard as Grafana imports it."""
    return {
        "title": "congress_dist",
        "uid": "congress-dist",
        "tags": ["congress"],
        "schemaVersion": 39,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_datasource(), *map(_variable, ("node", "stream"))]},
        "panels": _panels(),
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus"}


def _variable(name: str) -> dict[str, Any]:
    metric = "congress_node_info" if name == "node" else f"{SUB}state"
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": f"label_values({metric}, {name})",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = []
    top = 0
    for row, contents in ROWS.items():
        place = {"h": 1, "w": 3 * WIDTH, "x": 0, "y": top}
        panels.append({"type": "row", "title": row, "gridPos": place, "id": len(panels) + 1})
        top += 1
        for index, (title, unit, queries) in enumerate(contents):
            x, y = index % 3 * WIDTH, top + index // 3 * HEIGHT
            panels.append(_panel(len(panels) + 1, title, unit, queries, x=x, y=y))
        top += (len(contents) + 2) // 3 * HEIGHT
    return panels


def _panel(
    number: int, title: str, unit: str, queries: list[tuple[str, str]], *, x: int, y: int
) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": expr, "legendFormat": legend}
            for index, (expr, legend) in enumerate(queries)
        ],
    }


def text() -> str:
    """Give the file's contents."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
