"""Tables and arrays in Arrow's memory, also such as contradict themselves."""

from __future__ import annotations

import gc
import struct
from array import array
from collections.abc import Callable
from typing import Any

import pytest

from congress_dist.errors import InvalidRequest, InvalidRow
from congress_dist.policy import Engine

from .arrow_memory import Handed, Stream, table


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.set_schema("d", {"t": ["n", "x"]})
    engine.load("d", {"t": [(0, "kept")]})
    return engine


def numbers(code: str, layout: bytes, *values: float) -> Handed:
    return Handed(layout, [None, array(code, values).tobytes()], len(values))


def texts(*values: bytes, code: str = "i", layout: bytes = b"u") -> Handed:
    ends = [0]
    for value in values:
        ends.append(ends[-1] + len(value))
    return Handed(layout, [None, array(code, ends).tobytes(), b"".join(values)], len(values))


def views(*values: bytes) -> Handed:
    cells, rest = [], b""
    for value in values:
        if len(value) <= 12:
            cells.append(struct.pack("<i12s", len(value), value))
        else:
            cells.append(struct.pack("<i4sii", len(value), value[:4], 0, len(rest)))
            rest += value
    return Handed(b"vu", [None, b"".join(cells), rest, struct.pack("<q", len(rest))], len(values))


def dictionary(values: Handed, *places: int) -> Handed:
    made = numbers("b", b"c", *places)
    made.dictionary = values
    return made


def rows(engine: Engine) -> list[Any]:
    return sorted(engine.rows("d", "t"), key=lambda row: row[0])


COLUMNS: dict[str, tuple[Callable[[], Handed], list[Any]]] = {
    "int8": (lambda: numbers("b", b"c", -1, 2), [-1, 2]),
    "uint8": (lambda: numbers("B", b"C", 255, 2), [255, 2]),
    "int16": (lambda: numbers("h", b"s", -300, 2), [-300, 2]),
    "uint16": (lambda: numbers("H", b"S", 65535, 2), [65535, 2]),
    "int32": (lambda: numbers("i", b"i", -(2**31), 2), [-(2**31), 2]),
    "uint32": (lambda: numbers("I", b"I", 2**32 - 1, 2), [2**32 - 1, 2]),
    "int64": (lambda: numbers("q", b"l", -(2**63), 2**63 - 1), [-(2**63), 2**63 - 1]),
    "uint64": (lambda: numbers("Q", b"L", 2**63 - 1, 2), [2**63 - 1, 2]),
    "float": (lambda: numbers("f", b"f", 0.5, -0.0), [0.5, 0.0]),
    "double": (lambda: numbers("d", b"g", 0.1, 2.0), [0.1, 2.0]),
    "bool": (lambda: Handed(b"b", [None, b"\x02"], 2), [False, True]),
    "null": (lambda: Handed(b"n", [], 2), [None, None]),
    "utf8": (lambda: texts(b"a", "é".encode()), ["a", "é"]),
    "large_utf8": (lambda: texts(b"", b"xyz", code="q", layout=b"U"), ["", "xyz"]),
    "utf8_view": (
        lambda: views(b"twelve bytes", b"thirteen long"),
        ["twelve bytes", "thirteen long"],
    ),
    "dictionary": (lambda: dictionary(texts(b"a", b"b"), 1, 1), ["b", "b"]),
}


@pytest.mark.parametrize(("make", "values"), COLUMNS.values(), ids=COLUMNS)
def test_each_type_is_read_and_released_once(
    engine: Engine, make: Callable[[], Handed], values: list[Any]
) -> None:
    handed = table(x=make(), n=numbers("i", b"i", 1, 2))
    engine.load("d", {"t": handed})
    assert [(type(cell), cell) for _, cell in rows(engine)] == [(type(v), v) for v in values]
    assert handed.released == [1, 1]
    assert [child.released for child in handed.children] == [[0, 0], [0, 0]]
    column = make()
    engine.load("d", {"t": {"n": [1, 2], "x": column}})
    assert [cell for _, cell in rows(engine)] == values
    assert column.released == [1, 1]


def test_nulls_and_slices_are_seen(engine: Engine) -> None:
    cells = texts(b"a", b"b", b"c", b"d")
    cells.buffers[0], cells.offset, cells.length = numbers("B", b"C", 0b1010).buffers[1], 1, 3
    handed = table(n=numbers("i", b"i", 7, 8, 9), x=cells)
    handed.offset, handed.length = 1, 2
    engine.load("d", {"t": handed})
    assert rows(engine) == [(8, None), (9, "d")]


def test_a_null_of_a_dictionary_is_one(engine: Engine) -> None:
    values = texts(b"a", b"b")
    values.buffers[0] = numbers("B", b"C", 0b01).buffers[1]
    engine.load("d", {"t": table(n=numbers("i", b"i", 1, 2), x=dictionary(values, 1, 0))})
    assert rows(engine) == [(1, None), (2, "a")]


def test_batches_of_a_stream_follow_each_other(engine: Engine) -> None:
    batches = [
        table(n=numbers("i", b"i", *range(n, n + 2)), x=texts(b"a", b"b")) for n in (1, 3, 5)
    ]
    batches.insert(1, table(n=numbers("i", b"i"), x=texts()))
    stream = Stream(batches)
    engine.load("d", {"t": stream})
    assert rows(engine) == [(n, "ba"[n % 2]) for n in range(1, 7)]
    assert stream.released == 1
    assert [batch.released[0] for batch in batches] == [1, 1, 1, 1]
    engine.apply("d", removed={"t": Stream(batches[:1])})
    assert rows(engine) == [(n, "ba"[n % 2]) for n in range(3, 7)]
    engine.load("new", {"t": Stream(batches)})
    assert engine.columns("new", "t") == ("n", "x")


def test_a_refused_cell_is_named_with_its_row_and_column(engine: Engine) -> None:
    for cells, said in (
        (numbers("Q", b"L", 1, 2**63), "an integer beyond 64 bits"),
        (numbers("d", b"g", 1, float("inf")), "a float that is not a finite number"),
        (texts(b"a", b"\xff"), "text that is not UTF-8"),
        (texts(b"a", b"\0"), "text with NUL"),
        (dictionary(texts(b"a", b"\xff"), 0, 1), "text that is not UTF-8"),
        (dictionary(texts(b"a", b"b"), 0, 2), "a number that is not in its dictionary"),
        (dictionary(texts(b"a", b"b"), 0, -1), "a number that is not in its dictionary"),
    ):
        whole = table(n=numbers("i", b"i", 1, 2), x=cells)
        with pytest.raises(InvalidRow) as caught:
            engine.load("d", {"t": whole})
        assert f"row 1 given for table 'd:t' is refused: column 1, 'x': a cell holds {said}" in (
            caught.value.message
        )
        del caught  # and with it those who hold the memory
        gc.collect()
        assert whole.released == [1, 1]
        assert rows(engine) == [(0, "kept")]


def test_a_refused_cell_of_a_later_batch_counts_the_rows_before(engine: Engine) -> None:
    cells = Stream([texts(b"a"), texts(), texts(b"b", b"\xff")])
    with pytest.raises(InvalidRow, match="row 2 given for table 'd:t' is refused: column 1"):
        engine.load("d", {"t": {"n": [1, 2, 3], "x": cells}})
    assert rows(engine) == [(0, "kept")]


def test_values_of_other_types_are_refused_unless_null(engine: Engine) -> None:
    days = numbers("i", b"tdD", 1, 2)
    with pytest.raises(
        InvalidRow, match="column 1, 'x': a cell holds a value of Arrow's type 'tdD'"
    ):
        engine.load("d", {"t": table(n=numbers("i", b"i", 1, 2), x=days)})
    days.buffers[0] = numbers("B", b"C", 0).buffers[1]
    engine.load("d", {"t": table(n=numbers("i", b"i", 1, 2), x=days)})
    assert rows(engine) == [(1, None), (2, None)]


def changed(handed: Handed, **fields: Any) -> Handed:
    for name, value in fields.items():
        setattr(handed, name, value)
    return handed


def two(x: Handed, **fields: Any) -> Handed:
    return changed(table(n=numbers("i", b"i", 1, 2), x=x), **fields)


def named(name: bytes) -> Handed:
    made = two(texts(b"a", b"b"))
    made.children[1].name = name
    return made


WRONG = {
    "negative length": lambda: two(texts(b"a", b"b"), length=-1),
    "huge length": lambda: two(texts(b"a", b"b"), length=2**62),
    "negative offset": lambda: two(changed(texts(b"a", b"b"), offset=-1)),
    "huge offset": lambda: two(changed(texts(b"a", b"b"), offset=2**62)),
    "short column": lambda: two(numbers("i", b"i", 1)),
    "column behind its end": lambda: two(texts(b"a", b"b"), offset=1),
    "odd null count": lambda: two(changed(texts(b"a", b"b"), null_count=-2)),
    "nulls nowhere": lambda: two(changed(texts(b"a", b"b"), null_count=1)),
    "few buffers": lambda: two(changed(texts(b"a", b"b"), n_buffers=2)),
    "negative buffers": lambda: two(changed(texts(b"a", b"b"), n_buffers=-1)),
    "no values": lambda: two(Handed(b"i", [None, None], 2)),
    "no offsets": lambda: two(Handed(b"u", [None, None, b"ab"], 2)),
    "no texts": lambda: two(Handed(b"u", [None, array("i", [0, 1, 2]).tobytes(), None], 2)),
    "offsets that shrink": lambda: two(
        Handed(b"u", [None, array("i", [5, 1, 2]).tobytes(), b"ab"], 2)
    ),
    "offsets beyond": lambda: two(
        Handed(b"u", [None, array("i", [0, 9999, 2]).tobytes(), b"ab"], 2)
    ),
    "negative offsets": lambda: two(
        Handed(b"u", [None, array("i", [-9999, 1, 2]).tobytes(), b"ab"], 2)
    ),
    "a view nowhere": lambda: two(
        Handed(b"vu", [None, struct.pack("<iiii", 99, 0, 0, 0) * 2, b"", bytes(8)], 2)
    ),
    "a view of no buffer": lambda: two(
        Handed(b"vu", [None, struct.pack("<iiii", 99, 0, 7, 0) * 2, b"", bytes(8)], 2)
    ),
    "a view of negative size": lambda: two(
        Handed(b"vu", [None, struct.pack("<iiii", -1, 0, 0, 0) * 2, b"", bytes(8)], 2)
    ),
    "other columns": lambda: two(texts(b"a", b"b"), n_children=1),
    "more columns": lambda: two(texts(b"a", b"b"), n_children=3),
    "released": lambda: two(texts(b"a", b"b"), is_released=True),
    "released column": lambda: two(changed(texts(b"a", b"b"), is_released=True)),
    "no table": lambda: texts(b"a", b"b"),
    "name no text": lambda: named(b"\xff"),
    "column twice": lambda: named(b"n"),
    "null rows": lambda: two(texts(b"a", b"b"), buffers=[numbers("B", b"C", 1).buffers[1]]),
    "odd dictionary": lambda: two(changed(numbers("d", b"g", 1, 2), dictionary=texts(b"a"))),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_memory_that_contradicts_itself_changes_nothing(
    engine: Engine, make: Callable[[], Handed]
) -> None:
    handed = make()
    with pytest.raises(InvalidRequest) as caught:
        engine.load("d", {"t": handed})
    assert "'d:t'" in caught.value.message
    del caught  # and with it those who hold the memory
    gc.collect()
    assert handed.released == [0 if handed.is_released else 1, 1]
    assert rows(engine) == [(0, "kept")]


def test_a_stream_that_fails_is_refused_with_what_it_says(engine: Engine) -> None:
    stream = Stream([two(texts(b"a", b"b"))], fails=lambda: 5)
    with pytest.raises(InvalidRequest, match="a stream of Arrow failed: the disk is gone"):
        engine.load("d", {"t": stream})
    assert stream.released == 1
    assert rows(engine) == [(0, "kept")]
    with pytest.raises(MemoryError):
        engine.load("d", {"t": Stream(stream.batches, fails=lambda: 12)})
