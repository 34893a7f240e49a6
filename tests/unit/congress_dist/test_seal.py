"""docs/protocol.md section 2: messages that are signed with a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from congress_dist.errors import InvalidConfig, UnreadableMessage
from congress_dist.transports.replays import Replays
from congress_dist.transports.seal import KeyRing, Sealer

OLD, NEW = "2025:0123456789abcdef", "2026:fedcba9876543210"


def ring(*texts: str) -> KeyRing:
    found = KeyRing.parse(texts)
    assert found is not None
    return found


def reason_of(sealer: Sealer, payload: bytes) -> object:
    with pytest.raises(UnreadableMessage) as caught:
        sealer.open(payload)
    return caught.value.fields["reason"]


@given(st.binary(max_size=300))
def test_what_was_sealed_is_opened(payload: bytes) -> None:
    sealer = Sealer(ring(NEW), "i")
    assert sealer.open(sealer.seal(payload)) == payload


@given(st.binary(min_size=1, max_size=60), st.data())
def test_any_other_byte_is_refused(payload: bytes, data: st.DataObject) -> None:
    sealer = Sealer(ring(NEW), "incarnation")
    sealed = bytearray(sealer.seal(payload))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    assert reason_of(sealer, bytes(sealed)) in ("unsigned", "unknown_key", "forged")


@given(st.binary(max_size=200))
def test_bytes_that_nobody_sealed_are_refused(payload: bytes) -> None:
    assert reason_of(Sealer(ring(NEW), "i"), payload) in ("unsigned", "unknown_key", "forged")
    assert reason_of(Sealer(ring(NEW), "i"), b"S" + payload) in ("unknown_key", "forged")


def test_call_is_opened_once_and_what_overtook_it_too() -> None:
    sender, receiver = Sealer(ring(NEW), "i"), Sealer(ring(NEW), "r")
    first, second = sender.seal(b"x"), sender.seal(b"y")
    assert [receiver.open_call(sealed) for sealed in (second, first)] == [b"y", b"x"]
    for sealed in (first, second):
        with pytest.raises(UnreadableMessage) as caught:
            receiver.open_call(sealed)
        assert caught.value.fields["reason"] == "replayed"
        assert receiver.open(sealed)  # a publication may arrive twice


def test_copies_are_refused_however_old() -> None:
    replays = Replays(senders=2, calls=3)
    numbers = [2, 1, 3, 5, 4, 9, 7, 8, 30, 20]
    assert all(replays.take("a", number) for number in numbers)
    assert not any(replays.take("a", number) for number in [*numbers, 0, -1])
    assert replays.take("b", 1)
    assert replays.take("a", 31)
    assert replays.take("c", 1)  # b, heard least recently, is forgotten
    assert not replays.take("a", 31)
    assert replays.take("b", 1)


def test_two_payloads_of_one_sender_are_sealed_differently() -> None:
    sealer = Sealer(ring(NEW), "i")
    assert sealer.seal(b"x") != sealer.seal(b"x")


def test_keys_are_changed_one_node_at_a_time() -> None:
    before, between = Sealer(ring(OLD), "a"), Sealer(ring(NEW, OLD), "b")
    after = Sealer(ring(NEW), "c")
    assert between.open(before.seal(b"x")) == b"x"
    assert after.open(between.seal(b"x")) == b"x"
    assert reason_of(after, before.seal(b"x")) == "unknown_key"


def test_keys_are_brought_into_a_running_system() -> None:
    without, with_both = Sealer(None, "a"), Sealer(ring(NEW), "b", accept_unsigned=True)
    only_signed = Sealer(ring(NEW), "c")
    assert with_both.open(without.seal(b"Cx")) == b"Cx"
    assert without.open(with_both.seal(b"Cx")) == b"Cx"
    assert only_signed.open(with_both.seal(b"Cx")) == b"Cx"
    assert reason_of(only_signed, without.seal(b"Cx")) == "unsigned"


def test_other_secret_under_the_same_id_is_forged() -> None:
    forger = Sealer(ring("2026:ffffffffffffffff"), "i")
    assert reason_of(Sealer(ring(NEW), "i"), forger.seal(b"x")) == "forged"


def test_no_key_is_no_ring() -> None:
    assert KeyRing.parse([]) is None


@pytest.mark.parametrize("text", ["", "secret", ":0123456789abcdef", "id:short", "id"])
def test_key_of_another_form_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(InvalidConfig, match="key 1 of option 'message_key'") as caught:
        KeyRing.parse([text])
    assert "short" not in str(caught.value).replace("shortest", "")


def test_one_id_twice_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="two keys '2026'"):
        KeyRing.parse([NEW, "2026:0000000000000000"])
