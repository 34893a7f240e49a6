"""What a driver gives is checked and encoded; nothing is dropped silently."""

from __future__ import annotations

from typing import Any

import pytest

from congress_dist.datasources.driver import (
    UNCHANGED,
    Changes,
    Column,
    Poll,
    SourceUnavailable,
    Table,
    schema,
    text_of,
)
from congress_dist.datasources.encoding import (
    Encoded,
    EncodedChanges,
    Gone,
    Refused,
    Same,
    encode_read,
    encode_rows,
)
from congress_dist.errors import InternalError, InvalidRow
from congress_dist.row import decode_row

SERVERS = schema(
    "name",
    Column("cores", "int"),
    Column("load", "float", nullable=True),
    Column("on", "bool"),
    Column("extra", "any", nullable=True),
)
GOOD = ("web", 4, 0.5, True, None)


def test_rows_come_back_as_they_were_given() -> None:
    rows = [GOOD, ("db\nx😀", -1, None, False, "text"), ("", 0, 1e300, True, 3)]
    encoded = encode_rows("servers", SERVERS, rows)
    assert {decode_row(row) for row in encoded} == set(rows)


def test_duplicates_are_one_row() -> None:
    assert len(encode_rows("servers", SERVERS, [GOOD, GOOD])) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("web", 4), "table 'servers', row 2: 2 cells, the schema has 5 columns"),
        (("web", "4", 0.5, True, None), "row 2, column 'cores': '4' is not int, never null"),
        (("web", True, 0.5, True, None), "row 2, column 'cores': True is not int, never null"),
        (("web", 4, 1, True, None), "row 2, column 'load': 1 is not float or null"),
        ((None, 4, 0.5, True, None), "row 2, column 'name': None is not str, never null"),
        (("web", 4, 0.5, 1, None), "row 2, column 'on': 1 is not bool, never null"),
        (("web", 4, 0.5, True, [1]), "row 2, column 'extra': [1] is not a value or null"),
        (("a\0b", 4, 0.5, True, None), "row 2, column 'name': 'a\\x00b' cannot be held"),
        (("web", 4, float("nan"), True, None), "row 2, column 'load': nan cannot be held"),
        (("web", 2**63, 0.5, True, None), "row 2, column 'cores': 9223372036854775808 cannot"),
        (("\udcff", 4, 0.5, True, None), "row 2, column 'name': '\\udcff' cannot be held"),
    ],
)
def test_a_bad_row_is_named_with_its_column(row: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InvalidRow) as caught:
        encode_rows("servers", SERVERS, [GOOD, row])
    assert message in caught.value.message


def test_a_long_value_is_cut_in_the_reason() -> None:
    with pytest.raises(InvalidRow) as caught:
        encode_rows("servers", SERVERS, [("x" * 10**6 + "\0", 4, 0.5, True, None)])
    assert len(caught.value.message) < 300


def test_each_table_has_its_own_outcome() -> None:
    tables = dict.fromkeys(("a", "b", "c", "d"), schema("name"))
    poll = Poll("all", tuple(tables), interval=1.0)
    reads = {
        "a": Table([("x",)], note="1 of 2 seen"),
        "b": Table([(1,)]),
        "c": SourceUnavailable("no dpkg here"),
        "d": UNCHANGED,
    }
    outcomes = encode_read(poll, tables, reads)
    assert outcomes["a"] == Encoded(encode_rows("a", tables["a"], [("x",)]), "1 of 2 seen")
    assert outcomes["b"] == Refused("table 'b', row 1, column 'name': 1 is not str, never null")
    assert outcomes["c"] == Gone("no dpkg here")
    assert outcomes["d"] == Same()


def test_other_tables_than_the_polls_are_the_drivers_fault() -> None:
    poll = Poll("all", ("a", "b"), interval=1.0)
    tables = dict.fromkeys(("a", "b"), schema("name"))
    with pytest.raises(InternalError, match=r"gave tables \['a'\], expected \['a', 'b'\]"):
        encode_read(poll, tables, {"a": Table([])})


def test_bytes_of_any_origin_become_text_that_a_table_holds() -> None:
    assert text_of("naïve".encode()) == "naïve"
    assert text_of(b"na\xefve") == "na\\xefve"


def test_changes_are_encoded_or_refused_as_a_whole() -> None:
    poll = Poll("all", ("a",), interval=1.0)
    tables = {"a": schema("name")}
    one, other = encode_rows("a", tables["a"], [("x",)]), encode_rows("a", tables["a"], [("y",)])
    good = encode_read(poll, tables, {"a": Changes([("x",)], [("y",)], "half")})
    assert good == {"a": EncodedChanges(one, other, "half")}
    bad = encode_read(poll, tables, {"a": Changes([("x",)], [(1,)])})
    assert bad == {"a": Refused("table 'a', row 1, column 'name': 1 is not str, never null")}
