from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy

from congress_dist.errors import InternalError, LeaseLost, StoreUnavailable
from congress_dist.policy.store.changes import hash_of
from congress_dist.policy.store.leases import Claim
from congress_dist.policy.store.models import CHANGES
from congress_dist.policy.store.operations import DeletePolicy, DeleteSchema
from congress_dist.policy.store.records import Head, Revision
from congress_dist.policy.store.rule_store import Fence, RevisionMoved, RuleStore

from .drafts import create, datasource, draft, insert, policy, put, put_schema, remove, rule


def test_new_database_is_at_revision_0_and_empty(store: RuleStore) -> None:
    snapshot = store.snapshot()
    assert (snapshot.head.revision, snapshot.head.hash) == (0, "")
    assert (snapshot.policies, snapshot.rules, snapshot.datasources) == ((), (), ())


def test_commit_makes_the_next_revision(store: RuleStore) -> None:
    change = store.commit(draft(store.head(), create()))
    assert change.revision == 1
    assert store.head().revision == 1
    assert store.head().hash == change.hash
    assert store.snapshot().policies == (policy(),)


def test_second_writer_at_the_same_revision_writes_nothing(
    store: RuleStore, open_store: Any
) -> None:
    other = open_store()
    head = store.head()
    store.commit(draft(head, create("mine")))
    with pytest.raises(RevisionMoved):
        other.commit(draft(head, create("theirs")))
    assert [p.name for p in store.snapshot().policies] == ["mine"]
    assert store.head().revision == 1


def test_operations_of_one_draft_are_one_revision(store: RuleStore) -> None:
    store.commit(draft(store.head(), create(), insert("p(x) :- q(x)"), insert("q(1)")))
    assert store.head().revision == 1
    assert store.snapshot().rules == (rule("p(x) :- q(x)"), rule("q(1)"))


def test_failing_operation_leaves_nothing_of_its_draft(store: RuleStore) -> None:
    head = store.head()
    with pytest.raises(InternalError):
        store.commit(draft(head, create(), insert("q(1)", of="nowhere")))
    assert store.head() == head
    assert store.snapshot().policies == ()


def test_rules_keep_the_order_of_their_insertion(store: RuleStore) -> None:
    store.commit(draft(store.head(), create(), insert("z(1)"), insert("a(1)")))
    store.commit(draft(store.head(), insert("m(1)")))
    assert [r.text for r in store.snapshot().rules] == ["z(1)", "a(1)", "m(1)"]


def test_deleted_things_are_gone(store: RuleStore) -> None:
    store.commit(draft(store.head(), create(), insert("q(1)"), put(), put_schema("servers", "id")))
    store.commit(draft(store.head(), remove("q(1)"), DeletePolicy(policy())))
    store.commit(draft(store.head(), DeleteSchema("id-nova", "servers")))
    snapshot = store.snapshot()
    assert (snapshot.policies, snapshot.rules, snapshot.schemas) == ((), (), {})


def test_datasource_and_schema_are_replaced_by_later_ones(store: RuleStore) -> None:
    store.commit(draft(store.head(), put(region="a"), put_schema("servers", "id")))
    store.commit(draft(store.head(), put(region="b"), put_schema("servers", "id", "name")))
    snapshot = store.snapshot()
    assert snapshot.datasources == (datasource(region="b"),)
    assert snapshot.schemas["id-nova"]["servers"]["columns"] == ["id", "name"]


def test_names_differ_by_case(store: RuleStore) -> None:
    store.commit(draft(store.head(), create("net"), create("NET")))
    assert len(store.snapshot().policies) == 2


def test_changes_say_who_did_what(store: RuleStore) -> None:
    store.commit(draft(store.head(), create()))
    store.commit(draft(store.head(), insert("q(1)")))
    changes = store.changes_after(Revision(0))
    assert [c.revision for c in changes] == [1, 2]
    assert [c.operations for c in changes] == [(create(),), (insert("q(1)"),)]
    assert {(c.who, c.request_id) for c in changes} == {("alice", "request-1")}
    assert store.changes_after(Revision(1)) == changes[1:]
    assert store.changes_after(Revision(0), limit=1) == changes[:1]


def test_each_change_carries_the_hash_of_the_one_before(store: RuleStore) -> None:
    for name in ("a", "b", "c"):
        store.commit(draft(store.head(), create(name)))
    changes = store.changes_after(Revision(0))
    assert [c.hash for c in changes] == [hash_of(c) for c in changes]
    assert [c.previous_hash for c in changes] == ["", changes[0].hash, changes[1].hash]


def test_altered_history_shows_in_its_hash(store: RuleStore) -> None:
    store.commit(draft(store.head(), create()))
    with store.database.writing() as connection:
        connection.execute(sqlalchemy.update(CHANGES).values(who="mallory"))
    (change,) = store.changes_after(Revision(0))
    assert hash_of(change) != change.hash


def test_fenced_write_needs_the_lease_at_commit(store: RuleStore) -> None:
    store.leases.acquire(Claim("nova", "old"))
    fence = Fence("nova", "old", 1)
    store.commit(draft(store.head(), put(region="a"), fence=fence))
    store.leases.acquire(Claim("nova", "new", replaces="old"))
    with pytest.raises(LeaseLost):
        store.commit(draft(store.head(), put(region="b"), fence=fence))
    assert store.snapshot().datasources == (datasource(region="a"),)


@contextmanager
def _broken_commits(store: RuleStore, *, written: bool) -> Iterator[None]:
    """Let the next commit fail after it happened, or before."""
    dialect: Any = store.database.engine.dialect
    commit = dialect.do_commit

    def fail_once(connection: Any) -> None:
        dialect.do_commit = commit
        if written:
            commit(connection)
        connection.execute("SELECT * FROM no_such_table")

    dialect.do_commit = fail_once
    try:
        yield
    finally:
        dialect.do_commit = commit


def test_commit_that_failed_after_it_happened_is_found_to_be_written(store: RuleStore) -> None:
    first = draft(store.head(), create())
    with _broken_commits(store, written=True):
        change = store.commit(first)
    assert store.head() == Head(change.revision, change.hash)


def test_commit_that_failed_before_it_happened_is_found_to_be_missing(store: RuleStore) -> None:
    first = draft(store.head(), create())
    with _broken_commits(store, written=False), pytest.raises(StoreUnavailable) as caught:
        store.commit(first)
    assert caught.value.fields["outcome"] == "not_written"
    assert store.head().revision == 0


def test_writer_held_off_by_another_is_told_that_nothing_was_written(
    store: RuleStore, open_store: Any
) -> None:
    other = open_store()
    head = store.head()
    with other.database.writing(), pytest.raises(StoreUnavailable) as caught:
        store.commit(draft(head, create()))
    assert caught.value.fields["outcome"] == "not_written"
    assert "another process holds it" in caught.value.message
    assert store.commit(draft(head, create())).revision == 1


def test_reader_is_not_held_off_by_a_writer(store: RuleStore, open_store: Any) -> None:
    other = open_store()
    with other.database.writing():
        assert store.head().revision == 0


def test_full_disk_loses_no_acknowledged_rule(store: RuleStore) -> None:
    store.commit(draft(store.head(), create()))

    def limit_pages(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 60")

    sqlalchemy.event.listen(store.database.engine, "connect", limit_pages)
    acknowledged: list[str] = []
    with pytest.raises(StoreUnavailable) as caught:
        _fill(store, acknowledged)
    assert "the disk is full" in caught.value.message
    assert caught.value.fields["outcome"] == "not_written"
    assert acknowledged
    assert [r.text for r in store.snapshot().rules] == acknowledged
    assert store.head().revision == len(acknowledged) + 1


def _fill(store: RuleStore, acknowledged: list[str]) -> None:
    for number in range(1000):
        text = f'q({number}, "{"x" * 2000}")'
        store.commit(draft(store.head(), insert(text)))
        acknowledged.append(text)


def test_file_that_is_no_database_is_named(tmp_path: Any) -> None:
    (tmp_path / "rules.sqlite").write_text("not a database, " * 100)
    store = RuleStore(f"sqlite:///{tmp_path}/rules.sqlite")
    with pytest.raises(StoreUnavailable, match=r"rules.sqlite' .* its file is not a database"):
        store.open()


def test_missing_directory_is_named(tmp_path: Any) -> None:
    store = RuleStore(f"sqlite:///{tmp_path}/nowhere/rules.sqlite")
    with pytest.raises(StoreUnavailable, match=r"nowhere/rules.sqlite' .* cannot be opened"):
        store.open()


def test_path_of_200_characters_with_spaces_works(tmp_path: Any) -> None:
    directory = tmp_path / ("a directory % " * 14)
    directory.mkdir()
    store = RuleStore(f"sqlite:///{directory}/rules.sqlite")
    store.open()
    store.commit(draft(store.head(), create()))
    store.close()
    assert (directory / "rules.sqlite").exists()
