"""Idempotency keys: the answer of a write, kept so that a repeated request gets it again."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select

from congress_dist.clock import utc_now
from congress_dist.errors import InvalidRequest

from .models import IDEMPOTENCY_KEYS
from .records import Revision

_KEPT = timedelta(hours=24)


class IdempotencyKey(Struct, frozen=True):
    """One request: who asked for what, under which key, with which contents."""

    principal: str
    method: str
    path: str
    key: str
    body_hash: str

    @property
    def id(self) -> str:
        """Give the digest that the key is stored under; the contents are no part of it."""
        scope = (self.principal, self.method, self.path, self.key)
        return blake2b(msgspec.json.encode(scope), digest_size=32).hexdigest()


def hash_body(body: Any) -> str:
    """Give the hash of a request's contents; equal contents have equal hashes."""
    return blake2b(msgspec.json.encode(body, order="sorted"), digest_size=32).hexdigest()


def find_answer(connection: Connection, key: IdempotencyKey) -> dict[str, Any] | None:
    """Give what the first request with this key was answered, if it succeeded.

    Raises: InvalidRequest: that request had other contents (reason `key_reused`).
    """
    row = connection.execute(select(IDEMPOTENCY_KEYS).filter_by(id=key.id)).one_or_none()
    if row is None:
        return None
    if row.body_hash != key.body_hash:
        raise InvalidRequest(
            f"the idempotency key {key.key!r} was used for another request; take a new key",
            reason="key_reused",
        )
    answer: dict[str, Any] = msgspec.json.decode(row.answer)
    return answer


def store_answer(
    connection: Connection, key: IdempotencyKey, answer: dict[str, Any], revision: Revision
) -> None:
    """Keep the answer of a write, in the write's transaction; drop those that are a day old."""
    now = utc_now()
    oldest = (now - _KEPT).isoformat(timespec="microseconds")
    connection.execute(delete(IDEMPOTENCY_KEYS).where(IDEMPOTENCY_KEYS.c.made_at < oldest))
    connection.execute(
        insert(IDEMPOTENCY_KEYS).values(
            id=key.id,
            principal=key.principal,
            method=key.method,
            path=key.path,
            key=key.key,
            body_hash=key.body_hash,
            answer=msgspec.json.encode(answer).decode(),
            revision=revision,
            made_at=now.isoformat(timespec="microseconds"),
        )
    )
