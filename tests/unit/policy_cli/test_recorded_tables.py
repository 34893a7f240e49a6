"""Recorded tables: what is written is read again; what cannot be read is named with its place."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from congress_dist.errors import Conflict, InvalidRequest, NotFound
from congress_dist.policy import Engine
from congress_dist.policy.recorded_tables import (
    RecordedTable,
    Recording,
    load_recording,
    read_recording,
)
from congress_dist.row import MAX_INT, MIN_INT, encode_row
from congress_dist.schema import Column, schema

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers(MIN_INT, MAX_INT)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
CELLS = st.one_of(TEXTS, NUMBERS, FLOATS, st.booleans(), st.none())
TYPED = schema(
    Column("t", "str"),
    Column("i", "int"),
    Column("f", "float", nullable=True),
    Column("b", "bool"),
    Column("x", "any", nullable=True),
)
ROWS = st.lists(st.tuples(TEXTS, NUMBERS, st.none() | FLOATS, st.booleans(), CELLS))


def put(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def declare(root: Path, **columns: object) -> None:
    put(root, "schema.json", json.dumps({"sources": {"d": {"t": {"columns": columns["t"]}}}}))


def write_recording(directory: Path, recording: Recording) -> None:
    """Write tables as `read_recording` reads them, with each row once."""
    declared: dict[str, dict[str, object]] = {}
    for source, tables in recording.items():
        for table, recorded in tables.items():
            plain = recorded.schema.to_wire()
            declared.setdefault(source, {})[table] = plain
            if recorded.missing is not None:
                plain["missing"] = recorded.missing
            else:
                lines = sorted({json.dumps(row, ensure_ascii=False) for row in recorded.rows})
                put(directory, f"{source}/{table}.jsonl", "".join(f"{line}\n" for line in lines))
    put(directory, "schema.json", json.dumps({"sources": declared}, ensure_ascii=False))


@given(rows=ROWS)
def test_typed_values_survive_a_round_trip(rows):
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_recording(directory, {"nova": {"servers": RecordedTable(TYPED, rows)}})
        read = read_recording(directory)["nova"]["servers"]
    assert read.schema == TYPED
    assert read.missing is None
    assert sorted(map(encode_row, read.rows)) == sorted({encode_row(row) for row in rows})


def test_rows_that_differ_by_type_only_are_all_written(tmp_path: Path) -> None:
    rows = [(0,), (0.0,), (False,), ("0",)]
    recorded = RecordedTable(schema(Column("x", "any")), rows)
    write_recording(tmp_path, {"s": {"t": recorded}})
    read = read_recording(tmp_path)["s"]["t"].rows
    assert sorted(map(encode_row, read)) == sorted(map(encode_row, rows))


def test_what_is_not_known_stays_not_known(tmp_path: Path) -> None:
    tables = {
        "a": RecordedTable(schema("x"), missing="no answer"),
        "b": RecordedTable(schema("y")),
    }
    write_recording(tmp_path, {"s": tables})
    assert read_recording(tmp_path)["s"] == {**tables, "b": RecordedTable(schema("y"), [])}
    (tmp_path / "s" / "b.jsonl").unlink()
    engine = Engine()
    load_recording(engine, read_recording(tmp_path))
    assert engine.missing("s", "a") == {"s:a": "no answer"}
    assert "no file s/b.jsonl" in engine.missing("s", "b")["s:b"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.jsonl", '["a", 1, 1.5, true, null]\n\n{"t": "b", "i": 2, "f": 2.0, "b": false}\n'),
        ("t.json", '[["a", 1, 1.5, true, null], ["b", 2, 2.0, false, null]]'),
        ("t.yaml", "- [a, 1, 1.5, true, null]\n- {t: b, i: 2, f: 2.0, b: false}\n"),
        ("t.csv", "i,t,f,b,x\n1,a,1.5,true,\n2,b,2,false,\n"),
    ],
)
def test_each_format_gives_the_same_typed_rows(tmp_path: Path, name: str, text: str) -> None:
    declare(tmp_path, t=TYPED.to_wire()["columns"])
    put(tmp_path, f"d/{name}", text)
    rows = read_recording(tmp_path)["d"]["t"].rows
    assert list(map(encode_row, rows)) == [
        encode_row(("a", 1, 1.5, True, None)),
        encode_row(("b", 2, 2.0, False, None)),
    ]


def test_columns_are_seen_where_no_schema_tells_them(tmp_path: Path) -> None:
    put(tmp_path, "d/t.csv", "name,port,zip,on\nweb,22,01,true\nssh,,2,false\n")
    put(tmp_path, "d/u.jsonl", '{"a": 1}\n{"b": "x", "a": 2.0}\n')
    tables = read_recording(tmp_path)["d"]
    assert tables["t"].schema == schema(
        Column("name"), Column("port", "int", nullable=True), Column("zip"), Column("on", "bool")
    )
    assert tables["t"].rows == [("web", 22, "01", True), ("ssh", None, "2", False)]
    assert tables["u"].schema == schema(Column("a", "any"), Column("b", "str", nullable=True))
    assert tables["u"].rows == [(1, None), (2.0, "x")]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("d/t.jsonl", "[1]\n[2\n", r"d/t\.jsonl:2: not JSON"),
        ("d/t.jsonl", "[NaN]\n", r"t\.jsonl:1: not JSON: NaN is not a number"),
        ("d/t.jsonl", '{"n": 1, "n": 2}\n', "a name stands twice"),
        ("d/t.jsonl", "[1]\n[1, 2]\n", r"t\.jsonl:2: the row has 2 cells, expected 1: n"),
        ("d/t.jsonl", '{"m": 1}\n', "no column 'm'; columns are n"),
        ("d/t.jsonl", '["1"]\n', r":1: column 'n' holds '1', expected an integer"),
        ("d/t.jsonl", "[true]\n", "column 'n' holds True, expected an integer"),
        ("d/t.jsonl", "[null]\n", "column 'n' is null, which its schema forbids"),
        ("d/t.jsonl", "[9223372036854775808]\n", ":1: column 'n' holds an integer beyond"),
        ("d/t.jsonl", "7\n", "a row is a list of cells or a mapping, found 7"),
        ("d/t.json", '{"n": 1}', "holds dict, expected a list of rows"),
        ("d/t.yaml", "- [", "is not YAML"),
        ("d/t.csv", "n\nx\n", r"t\.csv:2: column 'n' holds 'x', expected an integer"),
        ("d/t.csv", "n,n\n1,2\n", "named twice"),
        ("d/t.csv", "n\n1,2\n", "the line has 2 cells, its header 1"),
        ("d/t.csv", "", "is empty"),
        ("schema.json", "{}", "no object 'sources'"),
        ("schema.json", '{"sources": {"d": 1}}', "'d' is no object of tables"),
        ("schema.json", '{"sources": {"d": {"t": 1}}}', "'d:t': expected a list of columns"),
        ("schema.json", '{"sources": {"d": {"t": [1]}}}', "a column is a name"),
        ("schema.json", '{"sources": {"d": {"t": ["a", "a"]}}}', "the column 'a' is named twice"),
        (
            "schema.json",
            '{"sources": {"d": {"t": [{"name": "a", "nulable": true}]}}}',
            "'d:t': column 'a': there is no key 'nulable'; did you mean 'nullable'",
        ),
        (
            "schema.json",
            '{"sources": {"d": {"t": {"columns": ["a"], "rows": []}}}}',
            "'d:t': there is no key 'rows'; keys are columns, description, missing",
        ),
        (
            "schema.json",
            '{"sources": {"d": {"t": [{"name": "a", "nullable": "false"}]}}}',
            "column 'a': nullable is 'false', expected true or false",
        ),
        ("schema.json", '{"sources": {"d": {"../t": ["a"]}}}', "cannot name a file"),
        (
            "schema.json",
            '{"sources": {"d": {"t": [{"name": "a", "type": "date"}]}}}',
            "has the type 'date'; types are str, int",
        ),
    ],
)
def test_bad_input_is_named_with_its_place(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    declare(tmp_path, t=[{"name": "n", "type": "int"}])
    put(tmp_path, name, text)
    with pytest.raises(InvalidRequest, match=message):
        read_recording(tmp_path)


def test_a_directory_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no recorded tables"):
        read_recording(tmp_path)
    with pytest.raises(NotFound, match="there is no directory"):
        read_recording(tmp_path / "nowhere")


def test_two_files_of_one_table_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "d/t.json", "[[1]]")
    put(tmp_path, "d/t.csv", "a\n1\n")
    with pytest.raises(Conflict, match=r"t\.csv' and .*t\.json' are both"):
        read_recording(tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "d/t.csv", "").write_bytes(b"a\n\xff\n")
    with pytest.raises(InvalidRequest, match="is not UTF-8"):
        read_recording(tmp_path)


def test_a_column_that_stands_twice_in_a_row_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "t.yaml").write_text("- {a: 1, a: 2}\n")
    with pytest.raises(InvalidRequest, match="the key 'a' stands twice"):
        read_recording(tmp_path)
