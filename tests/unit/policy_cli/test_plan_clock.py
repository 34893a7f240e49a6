"""The verb `plan`, of rules that ask for the time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from congress_dist.cli import OK, main

Output = pytest.CaptureFixture[str]


def test_the_rows_that_a_tick_reads_are_told(files: Path, capsys: Output) -> None:
    (files / "b.dl").write_text(
        "age(x, s) :- nova:servers(id=x), age_seconds('2026-01-01', s)\n"
        "old(x) :- nova:servers(id=x), age_seconds('2026-01-01', s), s > 60\n"
        "any(x) :- nova:servers(id=x)\n"
    )
    call = ["plan", "b.dl", "--data", "data"]
    assert main(call) == OK
    assert capsys.readouterr().out.count("each tick of the clock reads 2 rows anew\n") == 1
    assert main([*call, "--format", "json"]) == OK
    planned = json.loads(capsys.readouterr().out)
    rows = {group["tables"][0]: group["rules"][0]["rows_per_tick"] for group in planned}
    assert rows == {"b:age": 2, "b:old": 0, "b:any": 0}
