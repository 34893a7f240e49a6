"""What a subscriber keeps of an answer while its pieces come in, whatever the publisher sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from congress_dist.protocol.messages import RowChanges, SyncAnswer, SyncTable, TableSummary
from congress_dist.protocol.pulled_answer import PulledAnswer
from congress_dist.protocol.stream import READY, Epoch, Seq
from congress_dist.row import Row, encode_row

ROW_BYTES = len(encode_row(("0",)))


def row(number: int) -> Row:
    return encode_row((str(number),))


def answer(kind: Any, *, rows: int = 3) -> PulledAnswer:
    table = SyncTable(kind, TableSummary(READY, rows, b"0" * 16, "v1"))
    header = SyncAnswer("nova", 1, "i", Epoch(1), Seq(5), {"t": table}, {}, "token", 100, {})
    return PulledAnswer(header, max_bytes=4 * ROW_BYTES)


def test_changes_beyond_the_bound_are_refused_and_not_kept() -> None:
    pull = answer("net")
    assert pull.feed({"t": RowChanges((row(1), row(2)), (row(3), row(4)))})
    assert not pull.feed({"t": RowChanges((), (row(5),))})
    assert len(pull.removed["t"] | pull.added["t"]) == 4


def test_rows_in_full_beyond_their_number_are_refused_also_when_repeated() -> None:
    pull = answer("full")
    assert pull.feed({"t": RowChanges((), (row(1), row(1), row(1)))})
    assert not pull.feed({"t": RowChanges((), (row(1),))})


def test_rows_in_full_that_are_fewer_than_promised_are_not_right() -> None:
    pull = answer("full", rows=2)
    pull.feed({"t": RowChanges((), (row(1), row(1)))})
    assert not pull.is_right("t", None)


def test_pieces_without_rows_do_not_go_on_for_ever() -> None:
    pull = answer("full")
    assert pull.feed({})
    assert not pull.feed({})


def test_changes_that_may_not_be_kept_are_asked_for_in_full(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench(buffer_bytes=900, max_inline_bytes=10)
    bench.begin(servers=" ".join(f"row-{i:04}" for i in range(400)))
    bench.deliver(*bench.publish(servers=" ".join(f"row-{i:04}" for i in range(50, 450))))
    bench.answer()
    assert bench.counts["bad_answer"] == 1
    bench.pass_time(bench.options.backoff_max)
    assert bench.request().add == ("ports", "servers")
    bench.answer()
    assert bench.position == (1, 2)


def test_rows_whose_digest_is_known_are_not_hashed_again(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> NoReturn:
        pytest.fail("rows were hashed again")

    bench.want("servers", "ports")
    bench.deliver(*bench.publish(servers="a b c", ports="p"))
    monkeypatch.setattr("congress_dist.protocol.table.digest_of", refuse)
    bench.answer()
    assert bench.position == (1, 1)
