"""Proof that a payload comes from somebody who has a key, and arrived as it was sent.

    "S" | length of the header, 2 bytes | header | HMAC-SHA256, 32 bytes | payload
    header = msgpack of [key id, incarnation, counter]

The code is over everything but itself. No clock takes part: streams refuse replays by beat and
position, calls are refused by the numbers of their sender (docs/protocol.md section 2).
"""

from __future__ import annotations

import hmac
import itertools
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from ..errors import InvalidConfig, UnreadableMessage
from .replays import Replays

_MAGIC = b"S"
_LENGTH_BYTES = 2
_CODE_BYTES = 32
MIN_SECRET = 16
"""Characters of the shortest secret that is taken."""


class _Header(NamedTuple):
    key_id: str
    incarnation: str
    counter: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Header).decode


class KeyRing:
    """Keys by id: the first seals, any of them opens; so keys can be changed one node at a time.

    Invariant: at least one key.
    """

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = keys
        self._first = next(iter(keys))

    @classmethod
    def parse(cls, texts: Iterable[str]) -> KeyRing | None:
        """Read keys of the form `ID:SECRET`; None when there is none.

        Raises: InvalidConfig: one is of another form, too short, or there twice; without its text.
        """
        keys: dict[str, bytes] = {}
        for place, text in enumerate(texts, start=1):
            key_id, colon, secret = text.strip().partition(":")
            if not key_id or not colon or len(secret) < MIN_SECRET:
                raise InvalidConfig(
                    f"key {place} of option 'message_key' in section [dse] is not of the form "
                    f"ID:SECRET with a secret of at least {MIN_SECRET} characters",
                    option="message_key",
                )
            if key_id in keys:
                raise InvalidConfig(
                    f"option 'message_key' in section [dse] has two keys {key_id!r}",
                    option="message_key",
                )
            keys[key_id] = secret.encode()
        return cls(keys) if keys else None

    def seal(self, payload: bytes, incarnation: str, counter: int) -> bytes:
        """Give the payload with its proof in front.

        Cost: one pass over the payload.
        """
        header = _encode(_Header(self._first, incarnation, counter))
        front = _MAGIC + len(header).to_bytes(_LENGTH_BYTES, "big") + header
        return front + _code(self._keys[self._first], front, payload) + payload

    def open(self, sealed: bytes) -> tuple[bytes, str, int]:
        """Give the payload of what `seal` gave, with its sender and number.

        Raises: UnreadableMessage: `reason` is unsigned, unknown_key or forged.
        """
        if sealed[:1] != _MAGIC:
            raise _refused("unsigned", "it is not signed; set [dse] message_key on every node")
        end = _end_of_header(sealed)
        try:
            header = _decode(sealed[1 + _LENGTH_BYTES : end])
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise _refused("forged", "its proof has another form") from error
        key = self._keys.get(header.key_id)
        if key is None:
            raise _refused("unknown_key", "it is signed with a key that this node does not have")
        code, payload = sealed[end : end + _CODE_BYTES], sealed[end + _CODE_BYTES :]
        if not hmac.compare_digest(code, _code(key, sealed[:end], payload)):
            raise _refused("forged", "its proof does not fit")
        return payload, header.incarnation, header.counter


class Sealer:
    """Seals what one incarnation sends, each payload under the next number; thread safe.

    Without a ring nothing is sealed and nothing verified; `accept_unsigned` takes both kinds, so
    that keys can be brought in while a system runs: first on each node with it, then without.
    """

    def __init__(
        self, ring: KeyRing | None, incarnation: str, *, accept_unsigned: bool = False
    ) -> None:
        self._incarnation = incarnation
        self._counter = itertools.count(1)
        self._calls = Replays()
        self.use(ring, accept_unsigned=accept_unsigned)

    def use(self, ring: KeyRing | None, *, accept_unsigned: bool = False) -> None:
        """Take other keys from now on."""
        self._ring, self._accepts_unsigned = ring, accept_unsigned or ring is None

    def seal(self, payload: bytes) -> bytes:
        """Give the payload with its proof in front, if there is a key."""
        ring = self._ring
        if ring is None:
            return payload
        return ring.seal(payload, self._incarnation, next(self._counter))

    def open(self, sealed: bytes) -> bytes:
        """Give the payload of what anybody sealed.

        Raises: UnreadableMessage: `reason` is unsigned, unknown_key or forged.
        """
        return self._open(sealed)[0]

    def open_call(self, sealed: bytes) -> bytes:
        """Give the payload of what anybody sealed, once.

        Raises: UnreadableMessage: as `open`, and `reason` replayed: it was taken before.
        """
        payload, sender, number = self._open(sealed)
        if sender is not None and not self._calls.take(sender, number):
            raise _refused("replayed", "it is a copy of one that was carried out before")
        return payload

    def _open(self, sealed: bytes) -> tuple[bytes, str | None, int]:
        """Give a payload, and who sent it under which number if that is proved."""
        if self._accepts_unsigned and sealed[:1] != _MAGIC:
            return sealed, None, 0
        ring = self._ring
        if ring is None:  # the proof cannot be looked at
            return sealed[_end_of_header(sealed) + _CODE_BYTES :], None, 0
        return ring.open(sealed)


def _end_of_header(sealed: bytes) -> int:
    start = 1 + _LENGTH_BYTES
    return start + int.from_bytes(sealed[1:start], "big")


def _code(key: bytes, front: bytes, payload: bytes) -> bytes:
    mac = hmac.new(key, front, "sha256")
    mac.update(payload)
    return mac.digest()


def _refused(reason: str, detail: str) -> UnreadableMessage:
    return UnreadableMessage(f"a message cannot be read: {detail}", reason=reason)
