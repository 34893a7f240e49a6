"""Frames on a byte stream."""

from __future__ import annotations

import random
from typing import Any

import pytest

from congress_dist.transports.frames import FrameDecoder, FrameError, encode_frame

LIMIT = 1000


def decode(data: bytes, *, pieces: list[int] | None = None) -> list[list[Any]]:
    decoder = FrameDecoder(LIMIT)
    found: list[list[Any]] = []
    start = 0
    for size in [*(pieces or []), len(data)]:
        found += [items for _, items in decoder.feed(data[start : start + size])]
        start += size
    return found


def test_frame_comes_back_as_it_was() -> None:
    items = [0, {"a": None}, {"b": [1, -1.5, True, "é", b"\xff\0"]}]

    assert decode(encode_frame(items, max_bytes=LIMIT)) == [items]


def test_frame_tells_its_size() -> None:
    frame = encode_frame([1, "x" * 100], max_bytes=LIMIT)

    assert [size for size, _ in FrameDecoder(LIMIT).feed(frame)] == [len(frame)]


@pytest.mark.parametrize("seed", range(20))
def test_frames_come_back_however_they_are_cut(seed: int) -> None:
    rng = random.Random(seed)
    frames = [[number, "x" * rng.randrange(200)] for number in range(30)]
    data = b"".join(encode_frame(frame, max_bytes=LIMIT) for frame in frames)
    pieces = [rng.choice([1, 2, 3, 5, 50, 500]) for _ in range(300)]

    assert decode(data, pieces=pieces) == frames, f"seed {seed}"


def test_incomplete_frame_waits() -> None:
    frame = encode_frame([1, "abc"], max_bytes=LIMIT)

    assert decode(frame[:-1]) == []


def test_too_large_a_frame_is_refused_on_both_sides() -> None:
    with pytest.raises(FrameError, match="larger than 1000"):
        encode_frame(["x" * 1001], max_bytes=LIMIT)
    with pytest.raises(FrameError, match="larger than 1000"):
        decode(encode_frame(["x" * 1001], max_bytes=2000))


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x80", b"\x91", b"\x92\x01", b"\xa1\xff", b"\x00"]
)
def test_what_is_no_array_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError, match="not a msgpack array"):
        decode(len(body).to_bytes(4, "big") + body)
