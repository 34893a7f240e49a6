"""What operators are given keeps to what there is: dashboard, alert rules, docs/operations.md."""

from __future__ import annotations

import ast
import json
import re
import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from congress_dist.metrics import ANSWERS, EVENTS, FAULTS, METRICS, STATES
from congress_dist.node.sync_counts import name_of
from congress_dist.protocol.messages import SnapshotGone, SyncBusy, SyncNotYet

ROOT = Path(__file__).resolve().parents[3]
MONITORING = ROOT / "devstack" / "monitoring"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
FOLDERS = ("congress_dist", "policy", "datasources", "api")
PROCESS_METRICS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
LEVELS = {"warning", "error", "exception", "critical", "log"}


def known_metrics() -> set[str]:
    """Give every name under which Prometheus stores something of a node."""
    names = {"up", *PROCESS_METRICS}
    for metric in METRICS:
        is_histogram = metric.kind == "histogram"
        names |= (
            {metric.name + end for end in ("_bucket", "_sum", "_count")}
            if is_histogram
            else {metric.name}
        )
    return names


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    text = (MONITORING / "grafana-dashboard.json").read_text()
    return [panel for panel in json.loads(text)["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Give every PromQL expression with where it stands."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$node", ".*").replace("$stream", ".*")


# --- queries ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("where", "expr"), list(queries()), ids=lambda text: text[:30])
def test_query_is_promql_and_names_metrics_that_exist(where: str, expr: str) -> None:
    promql_parser.parse(expr)
    named = set(re.findall(r"\b(?:congress|process)_[a-z_]+|\bup\b", expr))
    assert named, where
    assert named <= known_metrics()


@pytest.mark.parametrize(("where", "expr"), list(queries()), ids=lambda text: text[:30])
def test_labels_that_a_query_names_exist(where: str, expr: str) -> None:
    labels = {label for metric in METRICS for label in metric.labels} | {"node", "job", "le"}
    for matchers in re.findall(r"\{([^}]*)\}", expr):
        assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) <= labels, where
    values = re.findall(r"""(state|event|fault|kind)[!=]~?["']([^"']*)["']""", expr)
    known = {"state": STATES, "event": EVENTS, "fault": FAULTS, "kind": ANSWERS}
    for label, value in values:
        for pattern in value.split("|"):
            assert any(re.fullmatch(pattern, word) for word in known[label]), (where, pattern)


def test_dashboard_is_what_its_program_writes_and_shows_every_metric() -> None:
    program = runpy.run_path(str(MONITORING / "make_dashboard.py"))
    assert (MONITORING / "grafana-dashboard.json").read_text() == program["text"]()
    shown = " ".join(expr for _, expr in queries())
    assert not [metric.name for metric in METRICS if metric.name not in shown]


def test_panels_do_not_overlap_and_have_names_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["title"] for panel in panels()}) == len(panels())


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_alert_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "remedy"}


def test_prometheus_finds_nodes_by_the_api() -> None:
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    (discovery,) = jobs["congress"]["http_sd_configs"]
    assert discovery["url"].endswith("/metrics/targets")
    assert config["rule_files"] == ["alerts.yml"]


# --- docs/operations.md -------------------------------------------------------------------------


def first_cells() -> set[str]:
    """Give all words in code type of the first column of the page's tables."""
    rows = re.findall(r"^\| (`.*?) \|", OPERATIONS, re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]*)`", row)}


@cache
def calls() -> tuple[ast.Call, ...]:
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    nodes = (
        node
        for path in paths
        if "testing" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
    )
    return tuple(node for node in nodes if isinstance(node, ast.Call))


def name_called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


@cache
def events() -> frozenset[str]:
    """Give the names that subscribers count under."""
    found = {"sync_not_yet", "snapshot_gone", "snapshot", "replay", "applied", "poison"}
    found.add("request_failed")
    for call in calls():
        texts = [arg.value for arg in call.args[:1] if isinstance(arg, ast.Constant)]
        if name_called(call) in ("Count", "_fail", "count"):
            found |= {text for text in texts if isinstance(text, str) and text.isidentifier()}
    return frozenset(found - {"sync_bytes", "twins"})


def reasons() -> set[str]:
    """Give the faults that are named where messages are read, opened and sent."""
    prefixes = {"_unreadable": "unreadable_", "_refused": "", "_drop": ""}
    return {
        f"{prefixes[name_called(call)]}{call.args[0].value}"
        for call in calls()
        if name_called(call) in prefixes
        and isinstance(call.args[0], ast.Constant)
        and str(call.args[0].value).isidentifier()
    }


def lines_logged() -> set[str]:
    """Give the constant beginning of each warning and error that is logged, and of each alarm."""
    found = set()
    for call in calls():
        is_log = (
            isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id in ("LOG", "log")
            and call.func.attr in LEVELS
        )
        if not is_log and name_called(call) != "Alarm":
            continue
        texts = [a.value for a in call.args if isinstance(a, ast.Constant)]
        found |= {text for text in texts if isinstance(text, str) and text != "%s"}
    return found


def beginning_of(line: str) -> str:
    """Give what stands before the first value of a line."""
    return re.split(r"[: ]*(?:\s\w+=)?%", line)[0].strip()


def test_every_metric_is_explained() -> None:
    explained = {word for word in first_cells() if word.startswith("congress_")}
    assert explained == {metric.name for metric in METRICS}


def test_every_event_state_and_kind_of_answer_is_explained() -> None:
    assert events() == set(EVENTS)
    assert {*EVENTS, *FAULTS} <= first_cells()
    assert len(reasons()) > 10
    assert reasons() <= set(FAULTS)
    assert set(STATES) <= first_cells()
    kinds = {name_of(kind("s", 1)) for kind in (SyncNotYet, SnapshotGone)}  # type: ignore[operator]
    kinds |= {name_of(SyncBusy("s", 1, 0.1)), "snapshots", "replays", "headers", "chunks"}
    row = next(line for line in OPERATIONS.splitlines() if "sync_answers_total" in line)
    assert kinds == set(ANSWERS)
    assert kinds <= set(re.findall(r"`([^`]*)`", row))


def test_there_are_many_lines_to_explain() -> None:
    assert len(lines_logged()) > 35


@pytest.mark.parametrize("line", sorted(lines_logged()))
def test_every_warning_and_error_is_explained(line: str) -> None:
    assert beginning_of(line) in first_cells()
