"""Outcomes of reads become table states; rows stay until the source says that they are gone."""

from __future__ import annotations

import pytest

from congress_dist.datasources.encoding import (
    Encoded,
    EncodedChanges,
    Gone,
    Refused,
    Same,
    TableOutcome,
)
from congress_dist.datasources.readings import Readings
from congress_dist.protocol.published_table import TableRead, TableResult, TableUpdate
from congress_dist.protocol.stream import READY, StateKind, TableState, failing, unavailable
from congress_dist.row import encode_row

ROWS = frozenset({encode_row(("x",))})
GOOD = Encoded(ROWS)
MORE = frozenset({encode_row(("y",))})
CHANGES = EncodedChanges(MORE, ROWS)
UPDATE = TableUpdate(ROWS, MORE, READY)
UNKNOWN = "the driver gave changes of a table whose rows are not known"


def results_of(*outcomes: TableOutcome | str) -> list[TableRead]:
    """Give what one table publishes for outcomes in turn; a text is a failed read."""
    readings = Readings(["t"])
    reads = [
        readings.on_failure(["t"], each)
        if isinstance(each, str)
        else readings.on_read({"t": each})
        for each in outcomes
    ]
    return [read.results["t"] for read in reads]


@pytest.mark.parametrize(
    ("outcomes", "last"),
    [
        ([GOOD], TableResult(ROWS, READY)),
        ([Encoded(ROWS, "half")], TableResult(ROWS, TableState(StateKind.READY, note="half"))),
        ([GOOD, Same()], TableResult(None, READY)),
        ([GOOD, "down"], TableResult(None, failing("down"))),
        ([GOOD, "down", Same()], TableResult(None, READY)),
        ([GOOD, "down", GOOD], TableResult(ROWS, READY)),
        (["down"], TableResult(None, failing("down"))),
        ([Gone("no dpkg")], TableResult(None, unavailable("no dpkg"))),
        ([GOOD, Gone("no dpkg")], TableResult(None, unavailable("no dpkg"))),
        ([Gone("no dpkg"), Same()], TableResult(None, unavailable("no dpkg"))),
        ([GOOD, Gone("no dpkg"), "down"], TableResult(None, unavailable("down"))),
        ([GOOD, Gone("no dpkg"), "down", Same()], TableResult(None, unavailable("no dpkg"))),
        ([Refused("row 3")], TableResult(None, failing("row 3"))),
        ([Gone("no dpkg"), GOOD, "down"], TableResult(None, failing("down"))),
        ([GOOD, Refused("row 3")], TableResult(None, failing("row 3"))),
        ([GOOD, Refused("row 3"), Same()], TableResult(None, failing("row 3"))),
        ([GOOD, Refused("row 3"), GOOD], TableResult(ROWS, READY)),
        ([GOOD, CHANGES], UPDATE),
        ([GOOD, "down", CHANGES], UPDATE),
        ([GOOD, CHANGES, Same()], TableResult(None, READY)),
        ([CHANGES], TableResult(None, failing(UNKNOWN))),
        ([GOOD, Refused("row 3"), CHANGES], TableResult(None, failing(UNKNOWN))),
        ([GOOD, Gone("no dpkg"), CHANGES], TableResult(None, unavailable(UNKNOWN))),
        ([GOOD, Refused("row 3"), GOOD, CHANGES], UPDATE),
    ],
)
def test_a_table_says_what_its_last_reads_mean(
    outcomes: list[TableOutcome | str], last: TableRead
) -> None:
    assert results_of(*outcomes)[-1] == last


def test_the_note_of_an_unchanged_table_stays() -> None:
    last = results_of(Encoded(ROWS, "half"), "down", Same())[-1]
    assert last == TableResult(None, TableState(StateKind.READY, note="half"))


def test_unchanged_before_any_rows_is_never_ready() -> None:
    state = results_of(Same())[-1].state
    assert state == failing("the driver said unchanged before it gave any rows")


def test_only_changes_of_state_are_told() -> None:
    readings = Readings(["t", "u"])
    first = readings.on_failure(["t", "u"], "down")
    assert [change.table for change in first.changes] == ["t", "u"]
    assert readings.on_failure(["t", "u"], "down").changes == []
    back = readings.on_read({"t": GOOD})
    assert [(c.table, c.before, c.after) for c in back.changes] == [("t", failing("down"), READY)]
    assert readings.states() == {"t": READY, "u": failing("down")}
