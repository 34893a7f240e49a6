"""The verb `bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from congress_dist.cli import OK, USAGE, main

Output = pytest.CaptureFixture[str]
CALL = ["bench", "net", "--data", "data"]


def measured(capsys: Output, *words: str) -> dict[str, Any]:
    assert main([*CALL, *words, "--format", "json"]) == OK
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


@pytest.mark.usefixtures("files")
def test_each_table_that_is_known_is_changed_row_by_row(capsys: Output) -> None:
    report = measured(capsys, "--repeat", "1")
    assert [(c["table"], c["rows"], c["derived_rows"]) for c in report["changes"]] == [
        ("nova:ports", 3, 1),
        ("nova:servers", 2, 1),
    ]
    for change in report["changes"]:
        assert len(change["remove_ms"]) == len(change["put_back_ms"]) == change["rows"]
        assert all(0 < spent < 60_000 for spent in change["remove_ms"] + change["put_back_ms"])
    assert report["missing"] == {"nova:links": "nova did not answer"}


@pytest.mark.usefixtures("files")
def test_steps_and_memory_have_figures(capsys: Output) -> None:
    report = measured(capsys)
    assert min(report[f"{step}_ms"] for step in ("read", "load", "evaluate")) > 0
    assert (report["rules"], report["derived_rows"]) == (2, 3)
    assert report["memory"]["bytes"] > 0
    assert report["memory"]["values"] > 0


def test_rows_come_from_all_parts_of_a_table(files: Path, capsys: Output) -> None:
    rows = [("s1", port) for port in range(1000)]
    (files / "data/nova/ports.csv").write_text(
        "server,port\n" + "\n".join(f"{server},{port}" for server, port in rows)
    )
    (files / "net/net.dl").write_text("late(p) :- nova:ports(port=p), p >= 990\n")
    (ports, _) = measured(capsys, "--changes", "100", "--repeat", "1")["changes"]
    assert (ports["rows"], len(ports["remove_ms"]), ports["derived_rows"]) == (1000, 100, 1)


def test_a_table_without_rows_has_no_times(files: Path, capsys: Output) -> None:
    (files / "data/nova/ports.csv").write_text("server,port\n")
    assert measured(capsys)["changes"][0] == {
        "table": "nova:ports",
        "rows": 0,
        "remove_ms": [],
        "put_back_ms": [],
        "derived_rows": 0,
    }
    assert main(CALL) == OK
    assert "nova:ports                0           0\n" in capsys.readouterr().out


def test_without_a_known_table_the_rules_are_measured(files: Path, capsys: Output) -> None:
    for path in (files / "data/nova").iterdir():
        path.unlink()
    assert main(CALL) == OK
    captured = capsys.readouterr()
    assert "0 tables, 0 rows\n" in captured.out
    assert captured.err.count("not measured: nova:") == 3


@pytest.mark.usefixtures("files")
def test_tables_that_are_not_known_are_named(capsys: Output) -> None:
    assert main(CALL) == OK
    captured = capsys.readouterr()
    assert captured.err == "not measured: nova:links: nova did not answer\n"
    assert captured.out.startswith("read files ")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("words", [["--changes", "0"], ["--repeat", "-1"], ["--changes", "ten"]])
def test_counts_start_at_one(capsys: Output, words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*CALL, *words])
    assert stopped.value.code == USAGE
    assert "is no number from 1 up" in capsys.readouterr().err


@pytest.mark.usefixtures("files")
def test_recorded_tables_are_required(capsys: Output) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "net"])
    assert stopped.value.code == USAGE
    assert "--data" in capsys.readouterr().err


def test_what_is_wrong_with_a_policy_is_told(files: Path, capsys: Output) -> None:
    (files / "net/net.dl").write_text("open_port(x, y) :- nova:servers(id=x)\n")
    assert main(CALL) == USAGE
    assert "unsafe-variable" in capsys.readouterr().err
