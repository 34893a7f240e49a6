"""CSV and TSV as the kernel reads them: as Python's own modules for CSV and JSON would."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from congress_dist.errors import InvalidRequest, InvalidRow
from congress_dist.policy import Engine
from congress_dist.policy.kernel import TextTable
from congress_dist.policy.table_files import any_schema, read_table, read_untyped
from congress_dist.row import encode_row
from congress_dist.schema import Column, TableSchema

NAMES = {"str": str, "int": int, "float": float, "bool": bool}
PIECES = st.sampled_from(
    [
        *("", "a", "é", "7", "-3", "0", "007", "2.5", "-0", "-0.0", "1e3", "1E-400", "1e999"),
        *("true", "null", "NaN", "-", "1.", ".5", "[1]", '"', '""', '"a,b"', '"\n"', '"x""y"'),
        *(" 4 ", "\0", "9223372036854775807", "9223372036854775808", "False", "-1e-2"),
        "12345678901234567890.5",
    ]
)
SEPARATORS = st.sampled_from([",", ",", ",", "\n", "\n", "\r\n", "\r", "\t", '"'])
TEXTS = st.lists(st.one_of(PIECES, SEPARATORS), max_size=24).map("".join)
COLUMNS = st.lists(
    st.builds(Column, st.sampled_from("ab"), st.sampled_from([*NAMES, "any"]), st.booleans()),
    min_size=1,
    max_size=2,
    unique_by=lambda column: column.name,
)


class Refused(Exception):
    """The text is refused; args: the line, if one is to blame."""


def reference_cell(text: str, column: Column) -> Any:
    if text == "" and (column.nullable or column.type not in ("str", "any")):
        return None
    if column.type == "str":
        return text
    try:
        value = json.loads(text, parse_constant=int)  # NaN is none
    except ValueError:
        return text
    if isinstance(value, list | dict) or (column.type == "any" and isinstance(value, str)):
        return text
    if column.type == "float" and type(value) is int:
        return float(value)
    fits = column.type == "any" or type(value) is NAMES[column.type]
    return value if fits else text


def reference_lines(text: str, mark: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        lines = [(reader.line_num, line) for line in reader if line]
    except csv.Error:
        raise Refused(reader.line_num) from None
    if not lines:
        raise Refused(None)
    first, header = lines.pop(0)
    if len(set(header)) < len(header):
        raise Refused(first)
    for number, line in lines:
        if len(line) != len(header):
            raise Refused(number)
    return header, lines


def reference_rows(text: str, mark: str, columns: Sequence[Column] | None) -> list[bytes]:
    header, lines = reference_lines(text, mark)
    known = columns or any_schema(header).columns
    rows = []
    for number, line in lines:
        given = dict(zip(header, line, strict=True))
        if not given.keys() <= {column.name for column in known}:
            raise Refused(number)
        row = [reference_cell(given[c.name], c) if c.name in given else None for c in known]
        for cell, column in zip(row, known, strict=True):
            is_null = cell is None and not column.nullable
            is_other = cell is not None and type(cell) is not NAMES.get(column.type)
            if column.type != "any" and (is_null or is_other):
                raise Refused(number)
        try:
            rows.append(encode_row(row))
        except InvalidRow:
            raise Refused(number) from None
    return rows


def agrees(path: Path, text: str, mark: str, columns: Sequence[Column] | None) -> None:
    path.write_bytes(text.encode())
    try:
        expected = reference_rows(text, mark, columns)
    except Refused as refused:
        line = refused.args[0]
        with pytest.raises(InvalidRequest) as caught:
            read_table(path, TableSchema(tuple(columns))) if columns else read_untyped(path)
        assert line is None or f":{line}: " in caught.value.message
        return
    rows = read_table(path, TableSchema(tuple(columns))) if columns else read_untyped(path)
    assert [encode_row(row) for row in rows[1]] == expected
    width = len(columns) if columns else len(rows[0])
    engine = Engine()
    engine.set_schema("d", {"t": [f"c{number}" for number in range(width)]})
    engine.load("d", {"t": rows[1]})
    assert {encode_row(row) for row in engine.rows("d", "t")} == set(expected)


@given(text=TEXTS, mark=st.sampled_from([",", "\t"]))
def test_any_text_is_read_as_pythons_own_modules_would(tmp_path_factory, text, mark):
    name = "t.csv" if mark == "," else "t.tsv"
    agrees(tmp_path_factory.getbasetemp() / name, text, mark, None)


@given(text=TEXTS, columns=COLUMNS)
def test_typed_columns_are_read_as_pythons_own_modules_would(tmp_path_factory, text, columns):
    header = ",".join(column.name for column in columns)
    path = tmp_path_factory.getbasetemp() / "typed.csv"
    agrees(path, f"{header}\n{text}", ",", columns)


@given(cells=st.lists(PIECES.filter(lambda piece: '"' not in piece), min_size=1, max_size=6))
def test_a_column_has_the_narrowest_type_of_its_cells(tmp_path_factory, cells):
    path = tmp_path_factory.getbasetemp() / "seen.csv"
    path.write_text("".join(f"{cell},x\n" for cell in ["n", *cells]), newline="")
    filled = [cell for cell in cells if cell]

    def fits(kind: str) -> bool:
        values = [reference_cell(cell, Column("n", kind)) for cell in filled]
        return bool(filled) and all(type(value) is NAMES[kind] for value in values)

    kind = next((kind for kind in ("int", "float", "bool") if fits(kind)), "str")
    columns = (Column("n", kind, kind != "str" and "" in cells), Column("x", "str"))
    assert (
        tuple(Column(*seen) for seen in TextTable(path.read_bytes(), ",").seen_types()) == columns
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('a,b\n1,"x\n', r"t\.csv:2: not CSV: unexpected end of data"),
        ('a,b\n1,"x"y\n', r"t\.csv:2: not CSV: ',' expected after '\"'"),
        ('a,b\n1,"x\n\n"\n2\n', r"t\.csv:5: the line has 1 cell, its header 2"),
        ("a,a\n", r"t\.csv:1: a column is named twice in a, a"),
        ("\n\n", r"t\.csv' is empty; its first line names the columns"),
        ("a,b\n\n1,99999999999999999999\n", r"t\.csv:3: column 'b' holds an integer beyond 64"),
        ("a,b\n1e999,\0\n", r"t\.csv:2: column 'a' holds a float that is not a finite number; ta"),
        ("a,b\n1,x\0y\n", r"t\.csv:2: column 'b' holds text with NUL; tables hold text"),
        ("a,c\n1,2\n", r"t\.csv:1: there is no column 'c'; columns are a, b"),
        ("a,c\n", r"t\.csv:1: there is no column 'c'; columns are a, b"),
        ("\n\r\n\na,c\n1,2\n", r"t\.csv:4: there is no column 'c'; columns are a, b"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    engine = Engine()
    engine.set_schema("d", {"t": ["a", "b"]})
    engine.load("d", {"t": [(1, 2)]})
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    with pytest.raises(InvalidRequest, match=said):
        engine.load("d", {"t": path})
    assert engine.rows("d", "t") == [(1, 2)]


def test_a_text_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for odd in (b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
        path.write_bytes(b"a\nx\n" + odd + b"\n")
        with pytest.raises(InvalidRequest, match=r"t\.csv' is not UTF-8: line 3"):
            read_untyped(path)


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("\ufeffa\n\u20ac\U0001f600\n".encode())
    assert read_untyped(path) == (("a",), [("\u20ac\U0001f600",)])


def test_a_cell_may_be_long(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a\n" + "x" * 200_000 + "\n")
    assert len(read_untyped(path)[1][0][0]) == 200_000
