from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import congress_dist.policy.store.keys as keys_module
from congress_dist.errors import InvalidRequest
from congress_dist.policy.store.keys import IdempotencyKey, hash_body
from congress_dist.policy.store.rule_store import RevisionMoved, RuleStore

from .drafts import create, draft


def _key(key: str = "k", *, body: str = "body", path: str = "net") -> IdempotencyKey:
    return IdempotencyKey("alice", "rule_insert", path, key, hash_body(body))


def test_unknown_key_has_no_answer(store: RuleStore) -> None:
    assert store.find_answer(_key()) is None


def test_answer_is_kept_with_the_revision_that_was_made(store: RuleStore) -> None:
    store.commit(draft(store.head(), create(), key=_key()))
    assert store.find_answer(_key()) == {"revision": 1}


def test_same_key_for_another_path_is_another_key(store: RuleStore) -> None:
    store.commit(draft(store.head(), create(), key=_key()))
    assert store.find_answer(_key(path="other")) is None


def test_same_key_with_another_body_is_refused(store: RuleStore) -> None:
    store.commit(draft(store.head(), create(), key=_key()))
    with pytest.raises(InvalidRequest) as caught:
        store.find_answer(_key(body="another"))
    assert caught.value.fields["reason"] == "key_reused"


def test_refused_write_keeps_no_answer(store: RuleStore) -> None:
    head = store.head()
    store.commit(draft(head, create()))
    with pytest.raises(RevisionMoved):
        store.commit(draft(head, create("other"), key=_key()))
    assert store.find_answer(_key()) is None


def test_keys_are_dropped_after_a_day(store: RuleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 11, 21, tzinfo=UTC)
    for number, hours in enumerate((0, 23, 25)):
        monkeypatch.setattr(keys_module, "utc_now", lambda h=hours: start + timedelta(hours=h))
        store.commit(draft(store.head(), create(f"p{number}"), key=_key(f"k{number}")))
    found = [store.find_answer(_key(f"k{number}")) is not None for number in range(3)]
    assert found == [False, True, True]


def test_bodies_are_equal_whatever_the_order_of_their_members() -> None:
    assert hash_body({"a": 1, "b": [2]}) == hash_body({"b": [2], "a": 1})
    assert hash_body({"a": 1}) != hash_body({"a": "1"})
