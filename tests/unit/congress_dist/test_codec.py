"""docs/protocol.md section 2: what a message is on the wire."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from congress_dist.clock import new_random
from congress_dist.errors import InvalidRequest, UnreadableMessage
from congress_dist.protocol import messages as m
from congress_dist.protocol.codec import MAX_MESSAGE_BYTES, Encoder, decode, encode
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.packed_rows import SharedRows
from congress_dist.protocol.stream import READY, Epoch, Position, Seq, TableChange, failing
from congress_dist.protocol.subscriber import Subscriber
from congress_dist.row import Row, encode_row

ROW = encode_row((1, "a", None, 2.5, True))
SUMMARY = m.TableSummary(failing("timeout"), 3, b"0123456789abcdef", "v1", 6.0)
ROWS = {"servers": m.RowChanges((ROW,), (ROW,))}
MESSAGES: list[Any] = [
    m.Delta("nova", "i", 1, 2.5, Epoch(3), Seq(4), {"t": TableChange(added=frozenset({ROW}))}),
    m.Delta("nova", "i", 1, 2.5, Epoch(3), Seq(4), {"t": TableChange(state=READY)}),
    m.Delta("nova", "i", 1, 2.5, Epoch(3), Seq(4), pull=True),
    m.Heartbeat("nova", "ds1", "i", 1, 2.5, Epoch(3), Seq(4), {"t": SUMMARY}, full=True),
    m.Heartbeat("api@a1", "a1", "i", 1, 2.5, wants={"nova": ("servers", "ports")}),
    m.SyncRequest("nova", 7, Position(Epoch(3), Seq(4)), {"t": b"0123456789abcdef"}, ("u",)),
    m.SyncRequest("nova", 7, None),
    m.SyncAnswer(
        "nova",
        7,
        "i",
        Epoch(3),
        Seq(4),
        {"t": m.SyncTable("net", SUMMARY)},
        {"t": None},
        "x",
        2,
        ROWS,
    ),
    m.SyncNotYet("nova", 7),
    m.SyncBusy("nova", 7, 1.5),
    m.ChunkRequest("nova", 7, "x", 1),
    m.Chunk("nova", 7, "x", 1, ROWS),
    m.SnapshotGone("nova", 7),
    m.CallRequest("id", "policy_list", {"a": [1, {"b": b"c"}, None, True, 2.5]}, 3.0, repeat=True),
    m.CallAnswer("id", {"rows": [["x", 1]]}),
    m.CallError("id", {"code": "not_found", "message": "no", "fields": {"policy": "p"}}),
]


GOLDEN = json.loads(Path(__file__).with_name("wire").joinpath("version_1.json").read_text())
"""Each message of `MESSAGES` in version 1: what other releases send and understand."""


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_message_survives_the_wire(message: Any) -> None:
    assert decode(encode(message)) == message


@given(st.lists(st.binary(max_size=150), max_size=30), st.integers(0, 2**63 - 1))
def test_rows_that_are_compressed_once_are_read_as_any_other(texts: list[bytes], at: int) -> None:
    rows = tuple(encode_row((text.hex(),)) for text in texts)
    shared = SharedRows({"servers": m.RowChanges((), rows)})
    for token in ("x", "y" * 5000):
        message = m.Chunk("nova", at, token, 1, shared)
        assert decode(encode(message)) == replace(message, rows=dict(shared))


def test_shared_rows_that_no_reader_takes_are_not_sent() -> None:
    shared = SharedRows({"servers": m.RowChanges((), (Row(bytes(MAX_MESSAGE_BYTES)),))})
    with pytest.raises(InvalidRequest, match="send it in parts"):
        encode(m.Chunk("nova", 7, "x", 1, shared))


@pytest.mark.parametrize("index", range(len(MESSAGES)))
def test_message_of_version_1_is_the_bytes_that_it_always_was(index: int) -> None:
    golden = GOLDEN[index]
    payload = bytes.fromhex(golden["bytes"])
    assert golden["message"] == type(MESSAGES[index]).__name__
    assert decode(payload) == MESSAGES[index]
    assert encode(MESSAGES[index]) == payload
    for earlier in golden.get("earlier", ()):  # before a field was added, which has a default
        assert decode(bytes.fromhex(earlier)) == MESSAGES[index]


def test_node_sends_at_the_version_that_it_is_told() -> None:
    encoder = Encoder()
    assert encoder(MESSAGES[0]) == encode(MESSAGES[0])
    encoder.version = m.WIRE_VERSION + 1
    assert reason_of(encoder(MESSAGES[0])) == "newer_version"
    encoder.version = m.OLDEST_WIRE_VERSION
    assert decode(encoder(MESSAGES[0])) == MESSAGES[0]


def test_every_registered_message_is_tried() -> None:
    assert {type(message) for message in MESSAGES} == set(m.NAME_BY_CLASS)


def test_unknown_fields_are_ignored() -> None:
    fields = {"service": "nova", "request": 7, "colour": "red"}
    body = msgspec.msgpack.encode(["sync_not_yet", fields])
    assert decode(b"C\x01\x00" + body) == m.SyncNotYet("nova", 7)


def test_missing_fields_with_a_default_take_it() -> None:
    fields = {"service": "nova", "request": 7, "have": None}
    body = msgspec.msgpack.encode(["sync", fields])
    assert decode(b"C\x01\x00" + body) == m.SyncRequest("nova", 7, None)


def test_large_message_is_compressed_when_that_helps() -> None:
    rows = frozenset(encode_row((f"server-{i}",)) for i in range(1000))
    delta = m.Delta("nova", "i", 1, 2.5, Epoch(3), Seq(4), {"t": TableChange(added=rows)})
    payload = encode(delta)
    assert len(payload) < len(msgspec.msgpack.encode(delta)) / 2
    assert decode(payload) == delta


def reason_of(payload: bytes) -> str:
    with pytest.raises(UnreadableMessage) as caught:
        decode(payload)
    return str(caught.value.fields["reason"])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"C\x01",
        b"\x00" * 100,
        b"C\x01\x00",
        b"C\x01\x00\xc1",
        b"C\x01\x01not zlib",
        b"C\x01\x01" + zlib.compress(b"\x92\xa4sync")[:-3],
        b"C\x01\x00" + msgspec.msgpack.encode(["delta", {"service": 1}]),
        b"C\x01\x00" + msgspec.msgpack.encode(["delta", []]),
        b"C\x01\x00" + msgspec.msgpack.encode({"delta": {}}),
        b"C\x01\x00\x92\xa4call" + b"\x91" * 100_000 + b"\x00",
        b"C\x01\x00\x92\xa4sync\x81\xa7service\xa2\xff\xff",
    ],
)
def test_malformed_message_is_refused(payload: bytes) -> None:
    assert reason_of(payload) == "malformed"


DELTA, HEARTBEAT = MESSAGES[0], MESSAGES[3]
ANSWER = next(message for message in MESSAGES if isinstance(message, m.SyncAnswer))
WRONG_NUMBERS = [
    replace(DELTA, beat=-1),
    replace(DELTA, epoch=0),
    replace(DELTA, seq=0),
    replace(DELTA, sent=math.nan),
    replace(DELTA, sent=math.inf),
    replace(HEARTBEAT, beat=-1),
    replace(HEARTBEAT, epoch=-3),
    replace(HEARTBEAT, seq=-1),
    replace(HEARTBEAT, sent=-math.inf),
    replace(HEARTBEAT, read_age={"t": math.nan}),
    replace(HEARTBEAT, read_age={"t": -5.0}),
    replace(HEARTBEAT, unrenewed=math.nan),
    replace(HEARTBEAT, tables={"t": replace(SUMMARY, max_age=math.nan)}),
    replace(HEARTBEAT, tables={"t": replace(SUMMARY, rows=-1)}),
    replace(ANSWER, epoch=0),
    replace(ANSWER, seq=-(2**60)),
    replace(ANSWER, chunks=0),
    replace(ANSWER, read_age={"t": math.inf}),
    m.SyncBusy("nova", 7, math.nan),
    m.SyncBusy("nova", 7, -1.0),
    m.ChunkRequest("nova", 7, "x", -1),
    m.Chunk("nova", 7, "x", -1, ROWS),
    m.SyncRequest("nova", -7, None),
]


@pytest.mark.parametrize("message", WRONG_NUMBERS, ids=lambda wrong: type(wrong).__name__)
def test_message_with_a_number_that_cannot_be_is_malformed(message: Any) -> None:
    with pytest.raises(UnreadableMessage) as caught:
        decode(encode(message))
    assert caught.value.fields["reason"] == "malformed"


def packed(*cells: Any) -> bytes:
    return msgspec.msgpack.encode(cells)


WRONG_ROWS = [
    b"",
    b"\xc1",
    b"\x91",
    packed("a") + b"\x00",
    b"\x91\xcc\x01",  # 1 in two bytes
    packed(math.nan),
    packed(math.inf),
    packed(-0.0),
    packed(2**63),
    packed("a\0b"),
    packed(b"bytes"),
    packed([1]),
    packed({"a": 1}),
    b"\x91\xa1\xff",
]


@pytest.mark.parametrize("row", WRONG_ROWS)
def test_row_that_is_not_canonical_is_refused(row: Any) -> None:
    delta = replace(DELTA, tables={"t": TableChange(added=frozenset({ROW, row}))})
    chunk = m.Chunk("nova", 7, "x", 1, {"t": m.RowChanges((), (ROW, row))})
    answer = replace(ANSWER, rows={"t": m.RowChanges((), (ROW, row))})
    assert [reason_of(encode(message)) for message in (delta, chunk, answer)] == ["malformed"] * 3


@given(
    st.lists(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
    )
)
def test_every_row_that_can_be_made_is_taken(cells: list[Any]) -> None:
    row = encode_row(cells)
    delta = replace(DELTA, tables={"t": TableChange(added=frozenset({row}))})
    assert decode(encode(delta)) == delta


def test_unknown_type_is_refused_as_such() -> None:
    assert reason_of(b"C\x01\x00" + msgspec.msgpack.encode(["gossip", {}])) == "unknown_type"


def test_higher_wire_version_is_refused_as_such() -> None:
    payload = bytearray(encode(m.SyncNotYet("nova", 7)))
    payload[1] = m.WIRE_VERSION + 1
    assert reason_of(bytes(payload)) == "newer_version"


def test_message_that_unpacks_beyond_the_limit_is_refused() -> None:
    packed = zlib.compress(b"\x00" * (MAX_MESSAGE_BYTES + 1), 9)
    assert reason_of(b"C\x01\x01" + packed) == "oversized"


@pytest.mark.parametrize("byte", [b"\x00", None])
def test_message_that_no_reader_takes_is_not_sent(byte: bytes | None) -> None:
    for size in (MAX_MESSAGE_BYTES - 1000, MAX_MESSAGE_BYTES):
        content = new_random(1).randbytes(size) if byte is None else byte * size
        answer = m.CallAnswer("id", content)
        if size < MAX_MESSAGE_BYTES:
            assert decode(encode(answer)) == answer
        else:
            with pytest.raises(InvalidRequest, match="send it in parts"):
                encode(answer)
            body = msgspec.msgpack.encode(("call_answer", answer))
            assert reason_of(b"C\x01\x00" + body) == "oversized"


def test_refusal_does_not_quote_the_content() -> None:
    body = msgspec.msgpack.encode(["call", {"request_id": "id", "arguments": "secret"}])
    with pytest.raises(UnreadableMessage) as caught:
        decode(b"C\x01\x00" + body)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", [object(), 2**70, {1, 2}.__iter__(), "\udc80"])
def test_value_that_no_message_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest):
        encode(m.CallRequest("id", "method", {"value": value}, 1.0))


def test_deeply_nested_value_is_refused() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(InvalidRequest):
        encode(m.CallRequest("id", "method", {"value": value}, 1.0))
    while value:
        value = value[0]


# --- fuzz ---------------------------------------------------------------------------------------


def is_read_or_refused(payload: bytes) -> m.Message | None:
    try:
        return decode(payload)
    except UnreadableMessage:
        return None


@given(st.binary(max_size=400), st.sampled_from([b"", b"C\x01\x00", b"C\x01\x01", b"S"]))
def test_any_bytes_are_a_message_or_refused(payload: bytes, front: bytes) -> None:
    is_read_or_refused(front + payload)


@given(st.sampled_from(MESSAGES), st.data())
def test_message_with_other_bytes_is_a_message_or_refused(
    message: m.Message, data: st.DataObject
) -> None:
    payload = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(payload)))
        stop = data.draw(st.integers(start, min(len(payload), start + 4)))
        payload[start:stop] = data.draw(st.binary(max_size=4))
    read = is_read_or_refused(bytes(payload))
    if read is not None:
        assert decode(encode(read)) == read


@given(st.sampled_from(MESSAGES[:5]), st.data())
def test_altered_message_of_a_stream_does_not_break_its_subscriber(
    message: m.Message, data: st.DataObject
) -> None:
    payload = bytearray(encode(message))
    place = data.draw(st.integers(3, len(payload) - 1))
    payload[place] = data.draw(st.integers(0, 255))
    read = is_read_or_refused(bytes(payload))
    subscriber = Subscriber("nova", options=DseOptions(), rng=new_random(1), now=10.0)
    subscriber.want(("t", "servers"), 10.0)
    if isinstance(read, m.Delta | m.Heartbeat):
        subscriber.on_message(read, 10.0)
        subscriber.check()
    subscriber.on_tick(12.0)
    subscriber.check()
