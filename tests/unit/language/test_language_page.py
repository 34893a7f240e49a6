"""docs/language.md: every example does what the page says, and nothing is left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from congress_dist.policy import Engine, PolicyError
from congress_dist.policy.language.ast import Constant
from congress_dist.policy.language.builtins import all_builtins
from congress_dist.policy.language.grammar import parse

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "language.md").read_text()
BLOCKS = re.findall(r"^```(\w+) ?(\w[\w-]*)?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
DATA = yaml.safe_load(next(text for kind, _, text in BLOCKS if kind == "yaml"))
POLICIES = [(kind or "nonrecursive", text) for block, kind, text in BLOCKS if block == "policy"]
REFUSED = [(code, text) for block, code, text in BLOCKS if block == "refused"]


def engine_of(kind: str = "nonrecursive") -> Engine:
    engine = Engine()
    engine.create_policy("p", kind)
    for source, tables in DATA.items():
        engine.set_schema(source, {name: table["columns"] for name, table in tables.items()})
        rows = {name: [tuple(row) for row in table["rows"]] for name, table in tables.items()}
        engine.load(source, rows)
    return engine


def given_rows(text: str) -> dict[str, set[tuple[Any, ...]]]:
    """Read what `# gives` says; `t()` alone says that the table is empty."""
    rows: dict[str, set[tuple[Any, ...]]] = {}
    for line in re.findall(r"^# gives (.*)$", text, re.MULTILINE):
        for fact in parse(line):
            values = [a.value.value for a in fact.head.arguments if isinstance(a.value, Constant)]
            table = rows.setdefault(fact.head.table, set())
            if values:
                table.add(tuple(values))
    return rows


@pytest.mark.parametrize(("kind", "text"), POLICIES, ids=[t.splitlines()[0] for _, t in POLICIES])
def test_an_example_gives_the_rows_that_it_names(kind: str, text: str) -> None:
    engine = engine_of(kind)
    engine.insert("p", text)
    expected = given_rows(text)
    found = {table: engine.rows("p", table) for table in expected}
    assert {table: {*map(repr, rows)} for table, rows in found.items()} == {
        table: {*map(repr, rows)} for table, rows in expected.items()
    }


@pytest.mark.parametrize(("code", "text"), REFUSED, ids=[code for code, _ in REFUSED])
def test_an_example_is_refused_for_the_reason_that_it_names(code: str, text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        engine_of().insert("p", text)
    found = [d for d in caught.value.diagnostics if d.severity == "error"]
    assert [diagnostic.code for diagnostic in found] == [code]
    shown = next(
        (shown for block, _, shown in BLOCKS if block == "text" and f"[{code}]" in shown), ""
    )
    if shown:
        assert found[0].render() == shown.rstrip()


def test_there_are_examples() -> None:
    assert len(POLICIES) > 10
    assert len(REFUSED) > 3


def test_the_page_lists_every_builtin_as_it_describes_itself() -> None:
    listed = re.findall(r"^- `(\w+)\(.*$", PAGE, re.MULTILINE)
    expected = {
        name: f"- `{b.signature}`: {b.doc.splitlines()[0]}" for name, b in all_builtins().items()
    }
    assert sorted(listed) == sorted(expected)
    assert [line for line in expected.values() if f"\n{line}\n" not in PAGE] == []


def test_the_page_lists_every_code() -> None:
    for path in (ROOT / "tests" / "cases" / "diagnostics").glob("*.yaml"):
        for severity, code in re.findall(r"(error|warning)\[([\w-]+)\]: ", path.read_text()):
            paragraph = re.search(
                rf"^{severity}s: .*?\n\n", PAGE, re.MULTILINE | re.DOTALL | re.IGNORECASE
            )
            assert paragraph is not None
            assert f"`{code}`" in paragraph[0]
