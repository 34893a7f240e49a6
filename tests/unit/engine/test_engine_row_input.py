"""Rows from files and columns."""

from __future__ import annotations

import ctypes
import struct
from array import array
from collections import UserDict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from congress_dist.errors import InvalidRequest, InvalidRow, NotFound
from congress_dist.policy import Engine


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.create_policy("p")
    engine.set_schema("d", {"t": ["name", "size"]})
    return engine


def rows(engine: Engine, table: str = "t", source: str = "d") -> list[Any]:
    return sorted(engine.rows(source, table), key=repr)


@pytest.mark.parametrize(("suffix", "mark"), [(".csv", ","), (".tsv", "\t")])
def test_a_file_has_a_line_of_names_and_typed_cells(
    engine: Engine, tmp_path: Path, suffix: str, mark: str
) -> None:
    path = tmp_path / f"t{suffix}"
    lines = [("size", "name"), ("3", "a"), ("2.5", "007"), ("", '"x, y"'), ("true", "1")]
    path.write_text("".join(f"{mark.join(line)}\n" for line in lines))
    engine.load("d", {"t": path})
    assert rows(engine) == [("007", 2.5), ("a", 3), ("x, y", None), (1, True)]
    engine.load("new", {"t": path})
    assert engine.columns("new", "t") == ("size", "name")
    engine.apply("new", removed={"t": path})
    assert rows(engine, source="new") == []


def test_the_ending_of_a_file_tells_its_form(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "t.CSV"
    path.write_text("size,name\n3,a\n")
    engine.load("d", {"t": path})
    assert rows(engine) == [("a", 3)]
    lines = tmp_path / "t.jsonl"
    lines.write_text('{"size": 4, "name": "b"}\n["x", 1]\n')
    engine.load("new", {"t": lines})
    assert engine.columns("new", "t") == ("size", "name")
    assert rows(engine, source="new") == [("x", 1), (4, "b")]
    other = tmp_path / "t.txt"
    other.write_text("size,name\n3,a\n")
    for source in ("d", "newer"):
        with pytest.raises(
            InvalidRequest, match=r"t\.txt' is no file of rows; those end in \.jso"
        ):
            engine.load(source, {"t": other})
    assert engine.kind("newer") is None


@pytest.mark.parametrize("source", ["d", "new"])
def test_a_file_is_read_once(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("name,size\na,1\n")
    opened = []

    def read_bytes(self: Path) -> bytes:
        opened.append(self)
        with self.open("rb") as file:
            return file.read()

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    engine.load(source, {"t": path})
    assert rows(engine, source=source) == [("a", 1)]
    assert opened == [path]


def test_columns_in_any_order_are_taken_from_buffers(engine: Engine) -> None:
    engine.load("d", {"t": {"size": array("q", [1, 2]), "name": ["a", "b"]}})
    assert rows(engine) == [("a", 1), ("b", 2)]
    floats = memoryview(array("d", [0.5, 1.0]))
    engine.apply("d", added={"t": {"name": iter("cd"), "size": floats}})
    assert rows(engine) == [("a", 1), ("b", 2), ("c", 0.5), ("d", 1.0)]
    engine.load("new", {"t": {"x": range(3), "y": (None, True, "z")}})
    assert engine.columns("new", "t") == ("x", "y")
    assert rows(engine, source="new") == [(0, None), (1, True), (2, "z")]


@pytest.mark.parametrize("code", "bBhHiIlLqQ")
def test_integers_of_all_widths_are_read_where_they_lie(engine: Engine, code: str) -> None:
    bits = array(code).itemsize * 8
    signed = code.islower()
    lowest = -(2 ** (bits - 1)) if signed else 0
    highest = 2 ** (bits - 1) - 1 if signed or bits == 64 else 2**bits - 1
    values = [lowest, highest, 7]
    engine.load("d", {"t": {"name": ["a", "b", "c"], "size": array(code, values)}})
    assert rows(engine) == [("a", lowest), ("b", highest), ("c", 7)]
    engine.load("d", {"t": {"name": ["a", "b"], "size": memoryview(array(code, values))[::2]}})
    assert rows(engine) == [("a", lowest), ("b", 7)]
    engine.load("d", {"t": {"name": ["a", "b"], "size": memoryview(array(code, values))[:0:-1]}})
    assert rows(engine) == [("a", 7), ("b", highest)]


@pytest.mark.parametrize(
    ("shape", "values"), [("f", [0.5, -0.0]), ("d", [0.1, 2.0]), ("?", [True, False])]
)
def test_floats_and_booleans_keep_their_types(
    engine: Engine, shape: str, values: list[Any]
) -> None:
    cells = memoryview(bytearray(struct.pack(f"2{shape}", *values))).cast(shape)
    engine.load("d", {"t": {"name": ["a", "b"], "size": cells}})
    expected = [(type(value), value + 0.0 if shape != "?" else value) for value in values]
    assert [(type(size), size) for _, size in rows(engine)] == expected
    assert str(rows(engine)[1][1]) == str(expected[1][1])


def test_the_order_of_bytes_is_that_of_the_buffer(engine: Engine) -> None:
    numbers = (ctypes.c_int16.__ctype_be__ * 2)(1, -2)
    assert memoryview(numbers).format == ">h"
    engine.load("d", {"t": {"name": ["a", "b"], "size": numbers}})
    assert rows(engine) == [("a", 1), ("b", -2)]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (array("Q", [1, 2**63]), "an integer beyond 64 bits"),
        (array("d", [1.0, float("inf")]), "a float that is not a finite number"),
        (array("f", [1.0, float("nan")]), "a float that is not a finite number"),
        ([1, b"x"], "a value of type bytes"),
        (memoryview(b"ab").cast("c"), "a value of type bytes"),
        (memoryview(bytes(4)).cast("B", (2, 2)), "a value of type list"),
    ],
)
def test_a_refused_cell_of_a_column_is_named(engine: Engine, size: Any, said: str) -> None:
    engine.load("d", {"t": [("kept", 1)]})
    columns = {"t": {"size": size, "name": ["a", "b"]}}
    for given in ({"loaded": columns}, {"added": columns}, {"removed": columns}):
        with pytest.raises(InvalidRow) as caught:
            engine.transact("d", **given)
        assert (
            "for table 'd:t' is refused: column 1, 'size': a cell holds " in caught.value.message
        )
        assert said in caught.value.message
    assert rows(engine) == [("kept", 1)]


def test_a_buffer_is_let_go_with_the_call(engine: Engine) -> None:
    sizes = array("i", [1])
    engine.load("d", {"t": {"name": ["a"], "size": sizes}})
    sizes.append(2)  # while it is read that is an error
    engine.load("d", {"t": {"name": ["a", "b"], "size": sizes}})
    assert rows(engine) == [("a", 1), ("b", 2)]


def test_of_several_refused_cells_the_first_row_is_told(engine: Engine) -> None:
    columns = {"name": ["a", "b", b"c"], "size": array("d", [1.0, float("inf"), 2.0])}
    with pytest.raises(InvalidRow, match="row 1 given for table 'd:t' is refused: column 1"):
        engine.load("d", {"t": columns})


@pytest.mark.parametrize(
    "columns",
    [
        {"name": ["a"]},
        {"name": ["a"], "size": [1], "more": [1]},
        {"name": ["a", "b"], "size": [1]},
        {"name": ["a"], "size": [float("nan")]},
    ],
)
def test_columns_that_do_not_fit_change_nothing(engine: Engine, columns: Any) -> None:
    engine.load("d", {"t": [("a", 1)]})
    with pytest.raises(InvalidRow):
        engine.load("d", {"t": columns})
    assert rows(engine) == [("a", 1)]


def test_what_is_no_column_is_refused(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"column 'name' of table 'd:t' is given as int"):
        engine.load("d", {"t": {"name": 1, "size": 2}})
    with pytest.raises(NotFound, match=r"there is no file '.*none\.csv'"):
        engine.load("d", {"t": tmp_path / "none.csv"})


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"t": "data/t.csv"}, "table 'd:t' is given as str ('data/t.csv'), expected rows"),
        ({"t": "data/t.csv"}, "give a pathlib.Path"),
        ({"t": b"ab"}, "is given as bytes"),
        ({"t": None}, "is given as NoneType (None)"),
        ({"t": 3}, "is given as int (3)"),
        (None, "tables are given as NoneType"),
        ([("a", 1)], "tables are given as list"),
        ({"t": ["ab"]}, "row 0 given for table 'd:t' is str ('ab')"),
        ({"t": [("a", 1), {"name": "b", "size": 2}]}, "row 1 given for table 'd:t' is dict"),
        ({"t": [UserDict(name="b", size=2)]}, "row 0 given for table 'd:t' is UserDict"),
        ({"t": [MappingProxyType({"name": 1})]}, "row 0 given for table 'd:t' is mappingproxy"),
        ({"t": [bytearray(b"ab")]}, "row 0 given for table 'd:t' is bytearray"),
        ({"t": [1]}, "row 0 given for table 'd:t' is int (1)"),
        ({"t": [None]}, "row 0 given for table 'd:t' is NoneType"),
    ],
)
def test_what_is_no_row_and_no_table_changes_nothing(
    engine: Engine, tables: Any, said: str
) -> None:
    engine.load("d", {"t": [("ab", 1), ("a", "b")]})
    for given in ({"loaded": tables}, {"added": tables}, {"removed": tables}):
        if tables is not None:
            with pytest.raises(InvalidRequest) as caught:
                engine.transact("d", **given)
            assert said in caught.value.message
    with pytest.raises(InvalidRequest) as caught:
        engine.load("d", tables)
    assert said in caught.value.message
    assert rows(engine) == [("a", "b"), ("ab", 1)]
    with pytest.raises(InvalidRequest):
        engine.load("unheard_of", tables)
    assert engine.kind("unheard_of") is None


@pytest.mark.parametrize("row", [3, None, "ab", {"name": "a"}, ("a", float("nan")), ("a", [1])])
def test_a_question_about_no_row_is_refused(engine: Engine, row: Any) -> None:
    engine.load("d", {"t": [("a", 1)]})
    for ask in (engine.explain, engine.why_not):
        with pytest.raises(InvalidRow, match="'d:t'"):
            ask("d", "t", row)


@pytest.mark.parametrize("text", [None, 3, b"p(1)"])
def test_policy_text_is_text(engine: Engine, text: Any) -> None:
    for method in (engine.insert, engine.delete, engine.check, engine.query):
        with pytest.raises(InvalidRequest, match="policy text is a str"):
            method("p", text)
