"""The demonstration as a user runs it: live tables of this machine, policy over them, answers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers.processes import free_ports
from tests.waiting import wait_until

from .conftest import CONGRESS, HOST_CONFIG, HOST_POLICY, System

pytestmark = pytest.mark.integration

TWO_POLLS = 2 * 2.0 * 1.2
"""Seconds: two polls of host_processes with their jitter."""

LISTENER = (
    "import socket, sys; s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen();"
    "print(s.getsockname()[1], flush=True); sys.stdin.read()"
)


def up_once(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(
                *CONGRESS,
                "up",
                "--data-dir",
                str(data_dir),
                "--port",
                str(free_ports(1)[0]),
                "--once",
            ),
            *("--config", str(HOST_CONFIG), "--policy", str(HOST_POLICY), *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_once_prints_one_json_object_with_filled_tables_and_violations(data_dir: Path) -> None:
    deep = data_dir / ("d" * (200 - len(str(data_dir)) - 1))
    done = up_once(deep, "--format", "json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert set(answer) == {"sources", "violations", "revision", "as_of", "missing"}
    filled = [rows for s in answer["sources"] for rows in s["tables"].values() if rows]
    assert len(filled) >= 8
    assert answer["violations"]
    keys = {"policy", "rule", "table", "row", "severity", "title"}
    assert all(set(violation) == keys for violation in answer["violations"])
    assert System(deep).children() == {}


def test_fail_on_makes_violations_an_exit_code(data_dir: Path) -> None:
    done = up_once(data_dir, "--fail-on", "info")
    assert done.returncode == 1, done.stderr
    assert "violation" in done.stdout


def test_a_listener_on_all_addresses_appears_and_vanishes(host_system: System) -> None:
    command = [sys.executable, "-c", LISTENER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as listener:
        assert listener.stdout is not None
        port = int(listener.stdout.readline())

        def reported(body: Any) -> bool:
            return any(listener.pid in v["row"] and port in v["row"] for v in body["violations"])

        host_system.wait_for("/v1/violations", reported, seconds=TWO_POLLS)
        listener.kill()
        listener.wait()
        host_system.wait_for("/v1/violations", lambda b: not reported(b), seconds=TWO_POLLS)


def test_explain_gives_rule_and_matching_rows(host_system: System) -> None:
    violation = host_system.violations()[0]
    row = [json.dumps(cell) for cell in violation["row"]]
    done = host_system.run("explain", violation["policy"], violation["table"], "--", *row)
    assert done.returncode == 0, done.stderr
    assert violation["table"] in done.stdout
    assert "host_" in done.stdout


WATCHED = {
    "owned": "owned(p) :- host_files:setuid_files(path=p), host_packages:package_files(path=p)",
    "unowned": "unowned(p) :- host_files:setuid_files(path=p),"
    " not host_packages:package_files(path=p)",
    "named": "named(n) :- host_accounts:accounts(name=n), not hidden(n)",
    "first": "first(n) :- host_processes:processes(pid=1, name=n)",
}
CHILDREN = ["policy r1", "api a1"] + [
    f"datasource host_{kind}" for kind in ("accounts", "files", "packages", "processes", "python")
]


@pytest.fixture(scope="module")
def watched_rows(host_system: System) -> dict[str, list[Any]]:
    """Rows of four tables that only a fault could change."""
    rules = [{"rule": text} for text in WATCHED.values()]
    status, body = host_system.request("POST", "/v1/policies", {"name": "watch", "rules": rules})
    assert status == 201, body
    rows = {}
    for table in WATCHED:
        path = f"/v1/policies/watch/tables/{table}/rows"
        answer = host_system.wait_for(path, lambda body: not body["missing"])
        rows[table] = sorted(answer["results"], key=json.dumps)
    assert rows["owned"]
    assert rows["named"]
    return rows


@pytest.mark.parametrize("name", CHILDREN)
def test_a_killed_process_comes_back_and_no_row_changes(
    host_system: System, watched_rows: dict[str, list[Any]], name: str
) -> None:
    old = host_system.children()[name]
    host_system.kill(name)

    def answers_stay_true() -> bool:
        answered = 0
        for table, expected in watched_rows.items():
            body = host_system.get(f"/v1/policies/watch/tables/{table}/rows")
            if body is None:
                continue
            rows = sorted(body["results"], key=json.dumps)
            if body["missing"]:
                assert all(row in expected for row in rows)
            else:
                answered += 1
                assert rows == expected
        return answered == len(watched_rows)

    def back() -> bool:
        return answers_stay_true() and host_system.children().get(name, old) != old

    wait_until(back, seconds=60, what=f"{name} is back and all is known again")
    host_system.wait_settled(5)
    assert answers_stay_true()


def test_the_whole_stack_stops_cleanly_on_ctrl_c(make_system: Callable[..., System]) -> None:
    system = make_system("--config", str(HOST_CONFIG))
    system.wait_for("/v1/policies", bool)
    assert len(system.children()) == 7
    assert system.stop(signal.SIGINT) == 0
    assert system.children() == {}


@pytest.mark.parametrize("moment", ["at once", "policy", "datasource", "api"])
def test_ctrl_c_during_start_up_leaves_nothing_that_blocks_the_next_start(
    make_system: Callable[..., System], moment: str
) -> None:
    system = make_system("--config", str(HOST_CONFIG))
    if moment != "at once":
        wait_until(
            lambda: any(name.startswith(moment) for name in system.children()),
            seconds=20,
            what=f"a {moment} process",
        )
    system.stop(signal.SIGINT)
    assert system.children() == {}
    again = make_system("--config", str(HOST_CONFIG))
    again.wait_for("/v1/policies", bool)
    again.stop()


def test_a_second_system_on_the_same_directory_is_refused(
    make_system: Callable[..., System],
) -> None:
    system = make_system()
    system.wait_for("/v1/policies", bool)
    second = make_system()
    assert second.process is not None
    assert second.process.wait(20) == 3
    second.stop()
    assert second.output is not None
    assert system.process is not None
    assert str(system.process.pid) in second.output
    assert "data-dir" in second.output


def test_a_port_in_use_is_named_with_what_to_do(data_dir: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = subprocess.run(
            [*CONGRESS, "up", "--data-dir", str(data_dir), "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 3
    assert str(port) in done.stderr
    assert "--port" in done.stderr


def test_rules_survive_a_kill_of_everything(make_system: Callable[..., System]) -> None:
    system = make_system()
    system.wait_for("/v1/policies", bool)
    done = system.run("rule", "add", "classification", "p(1)")
    assert done.returncode == 0, done.stderr
    assert system.process is not None
    os.killpg(system.process.pid, signal.SIGKILL)
    wait_until(lambda: not system.children(), seconds=15, what="children stop by themselves")
    system.stop()
    again = make_system()
    again.wait_for("/v1/policies/classification/tables/p/rows", lambda b: b["results"])


BAD_RULES = [
    ("p(x :- q(x)", "syntax"),
    ("p(x) :- q(y)", "unsafe"),
    ("p(x) :- host_processes:processes(nope=x)", "column"),
]


@pytest.mark.parametrize(("text", "word"), BAD_RULES)
def test_a_bad_rule_is_refused_with_place_and_hint(
    host_system: System, text: str, word: str
) -> None:
    before = host_system.get("/v1/policies/classification/rules")
    status, body = host_system.request("POST", "/v1/policies/classification/rules", {"rule": text})
    assert status == 400
    diagnostic = body["error"]["error_data"]["diagnostics"][0]
    assert word in diagnostic["code"]
    assert diagnostic["line"] == 1
    assert diagnostic["column"] >= 1
    assert diagnostic["hint"]
    assert host_system.get("/v1/policies/classification/rules") == before


def test_a_cycle_is_refused_and_printed(host_system: System) -> None:
    assert host_system.run("rule", "add", "classification", "cyc_a(x) :- cyc_b(x)").returncode == 0
    done = host_system.run("rule", "add", "classification", "cyc_b(x) :- cyc_a(x)")
    assert done.returncode == 2
    assert "cyc_a" in done.stderr
    assert "cyc_b" in done.stderr
    rules = host_system.get("/v1/policies/classification/rules")["results"]
    assert [r["rule"] for r in rules if "cyc_b(x) :- cyc_a" in r["rule"]] == []
