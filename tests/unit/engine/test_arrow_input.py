"""Tables of Arrow, the real ones, as rows of an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Thread
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from congress_dist.errors import InvalidRequest, InvalidRow
from congress_dist.policy import Engine


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.set_schema("d", {"t": ["a", "b"]})
    engine.load("d", {"t": [(0, "kept")]})
    return engine


def rows_of(engine: Engine, source: str = "d") -> list[tuple[Any, ...]]:
    return sorted(engine.rows(source, "t"), key=repr)


@pytest.mark.parametrize(
    "given",
    [
        pa.table({"a": [1, 2], "b": ["x", "y"]}),
        pa.table({"b": ["x", "y"], "a": [1, 2]}),
        pa.table({"a": [0, 1, 2], "b": ["-", "x", "y"]}).slice(1),
        pa.record_batch({"a": [1, 2], "b": ["x", "y"]}),
        pa.table({"a": pa.chunked_array([[1], [], [2]]), "b": pa.chunked_array([["x"], ["y"]])}),
        pa.table({"a": [1, 2], "b": pa.array(["x", "y"]).dictionary_encode()}),
        pa.table(
            {"a": pa.array([1, 2], pa.uint8()), "b": pa.array(["x", "y"], pa.large_string())}
        ),
        {"a": pa.array([1, 2]), "b": pa.chunked_array([["x"], ["y"]])},
    ],
)
def test_tables_and_batches_are_rows(engine: Engine, given: Any) -> None:
    engine.load("d", {"t": given})
    assert rows_of(engine) == [(1, "x"), (2, "y")]
    engine.load("new", {"t": given})
    assert sorted(engine.columns("new", "t")) == ["a", "b"]
    assert len(engine.rows("new", "t")) == 2


def test_dictionaries_may_differ_from_chunk_to_chunk(engine: Engine) -> None:
    chunks = [pa.array(values).dictionary_encode() for values in (["x", "y", "x"], ["z", None])]
    engine.load("d", {"t": pa.table({"a": range(5), "b": pa.chunked_array(chunks)})})
    assert rows_of(engine) == [(0, "x"), (1, "y"), (2, "x"), (3, "z"), (4, None)]


def test_each_type_keeps_its_values(engine: Engine) -> None:
    columns = {
        "a": pa.array([1.5, None, -0.0], pa.float32()),
        "b": pa.array([None, True, False]),
    }
    engine.load("d", {"t": pa.table(columns)})
    assert rows_of(engine) == [(0.0, False), (1.5, None), (None, True)]
    engine.load(
        "d", {"t": pa.table({"a": pa.nulls(2), "b": pa.array([1, 2**63 - 1], pa.uint64())})}
    )
    assert rows_of(engine) == [(None, 1), (None, 2**63 - 1)]


def test_arrow_tables_change_rows(engine: Engine) -> None:
    added, removed = pa.table({"a": [5], "b": ["q"]}), pa.record_batch({"a": [0], "b": ["kept"]})
    engine.apply("d", added={"t": added}, removed={"t": removed})
    assert rows_of(engine) == [(5, "q")]
    engine.load("d", {"t": added.slice(0, 0)})
    assert (rows_of(engine), engine.missing("d", "t")) == ([], {})


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (pa.array([datetime(2026, 1, 1, tzinfo=UTC)]), "Arrow's type 'tsu:UTC'"),
        (pa.array([1], pa.timestamp("ns")), "Arrow's type 'tsn:'"),
        (pa.array([date(2026, 1, 1)]), "Arrow's type 'tdD'"),
        (pa.array([Decimal("1.5")]), "Arrow's type 'd:2,1'"),
        (pa.array([b"x"]), "Arrow's type 'z'"),
        (pa.array([[1, 2]]), r"Arrow's type '\+l'"),
        (pa.array([{"x": 1}]), r"Arrow's type '\+s'"),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), r"Arrow's type '\+m'"),
        (pa.array([2**63], pa.uint64()), "beyond 64 bits"),
        (pa.array([float("nan")]), "not a finite number"),
        (pa.array(["a\0"]), "NUL"),
    ],
)
@pytest.mark.parametrize("shape", [pa.table, pa.record_batch, dict])
def test_a_cell_that_no_table_may_hold_is_refused(
    engine: Engine, shape: Callable[[Any], Any], column: Any, what: str
) -> None:
    for source in ("d", "new"):
        with pytest.raises(InvalidRow, match=what):
            engine.load(source, {"t": shape({"a": column, "b": pa.array([1])})})
    assert rows_of(engine) == [(0, "kept")]


@pytest.mark.parametrize("names", [["a", "a"], ["a", "a", "b"], ["b", "a", "b"]])
def test_columns_of_one_name_are_refused(engine: Engine, names: list[str]) -> None:
    given = pa.Table.from_arrays([pa.array([number]) for number in range(len(names))], names=names)
    for source in ("d", "new"):
        with pytest.raises(InvalidRow, match="more than one column"):
            engine.load(source, {"t": given})
    assert rows_of(engine) == [(0, "kept")]


@pytest.mark.parametrize("names", [["a"], ["a", "c"], ["a", "b", "c"]])
def test_other_columns_are_refused(engine: Engine, names: list[str]) -> None:
    with pytest.raises(InvalidRow, match="has the columns a, b, given are"):
        engine.load("d", {"t": pa.table({name: [1] for name in names})})
    assert rows_of(engine) == [(0, "kept")]


def test_a_reader_of_batches_is_a_table_and_no_iterator_of_rows(engine: Engine) -> None:
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    for source in ("d", "new"):
        engine.load(source, {"t": table.to_reader()})
        assert rows_of(engine, source) == [(1, "x"), (2, "y")]
    engine.apply("d", added={"t": pa.table({"b": ["z"], "a": [3]}).to_reader()})
    engine.transact("d", removed={"t": table.slice(1).to_reader()})
    assert rows_of(engine) == [(1, "x"), (3, "z")]


def test_a_stream_is_read_before_the_engine_is_entered(engine: Engine) -> None:
    seen: list[list[tuple[Any, ...]]] = []

    def batches() -> Iterator[pa.RecordBatch]:
        asker = Thread(target=lambda: seen.append(rows_of(engine)))
        asker.start()
        asker.join(10)
        yield pa.record_batch({"a": [1], "b": ["x"]})

    schema = pa.schema({"a": pa.int64(), "b": pa.string()})
    engine.load("d", {"t": pa.RecordBatchReader.from_batches(schema, batches())})
    assert (seen, rows_of(engine)) == ([[(0, "kept")]], [(1, "x")])


def test_an_element_of_structs_is_no_row(engine: Engine) -> None:
    (element,) = pa.array([{"a": 1, "b": "x"}])
    with pytest.raises(InvalidRow, match="row 0 given for table 'd:t' is StructScalar"):
        engine.load("d", {"t": [element]})
    assert rows_of(engine) == [(0, "kept")]


class _Array:
    def __init__(self, given: object) -> None:
        self._given = given

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return self._given


class _Stream:
    def __init__(self, given: object) -> None:
        self._given = given

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._given


@pytest.mark.parametrize("given", [_Array(None), _Array((1, 2)), _Array((1,)), _Stream(None)])
@pytest.mark.parametrize("is_column", [False, True])
def test_what_gives_no_memory_of_arrow_is_refused(
    engine: Engine, given: object, *, is_column: bool
) -> None:
    table: Any = {"a": given, "b": [1]} if is_column else given
    with pytest.raises(InvalidRequest, match="'d:t' is given as an object whose "):
        engine.load("d", {"t": table})
    assert rows_of(engine) == [(0, "kept")]
