"""Rows with indexes."""

from __future__ import annotations

from congress_dist.policy.planner.relation import BaseRelation, Change, CountedRelation


def test_an_index_follows_the_rows() -> None:
    relation = BaseRelation([(1, 10), (1, 11), (2, 20)])
    index = relation.index((0,))
    relation.apply(Change({(2, 21), (3, 30)}, {(1, 10), (1, 11)}))
    assert {key: set(bucket) for key, bucket in index.items()} == {
        2: {(2, 20), (2, 21)},
        3: {(3, 30)},
    }


def test_an_index_over_several_columns_is_asked_by_tuples() -> None:
    relation = BaseRelation([(1, 2, 3), (1, 2, 4)])
    assert set(relation.index((0, 1))[1, 2]) == {(1, 2, 3), (1, 2, 4)}


def test_large_buckets_grow_and_shrink() -> None:
    relation = BaseRelation()
    index = relation.index((0,))
    rows = {(0, n) for n in range(100)}
    relation.apply(Change(rows, set()))
    assert set(index[0]) == rows
    relation.apply(Change(set(), rows - {(0, 5)}))
    assert set(index[0]) == {(0, 5)}
    relation.apply(Change(set(), {(0, 5)}))
    assert not index


def test_a_counted_row_leaves_with_its_last_rule() -> None:
    relation = CountedRelation()
    assert relation.apply([Change({(1,)}, set()), Change({(1,), (2,)}, set())]) == (
        {(1,), (2,)},
        set(),
    )
    assert not relation.apply([Change(set(), {(1,)})])
    assert relation.apply([Change(set(), {(1,)})]) == (set(), {(1,)})
    assert set(relation.rows) == {(2,)}


def test_a_row_that_changes_rules_neither_comes_nor_goes() -> None:
    relation = CountedRelation()
    relation.apply([Change({(1,)}, set())])
    assert not relation.apply([Change(set(), {(1,)}), Change({(1,)}, set())])
    assert set(relation.rows) == {(1,)}


def test_fan_out_is_exact_where_an_index_is() -> None:
    relation = BaseRelation([(n % 4, n) for n in range(16)])
    assert relation.fan_out((), 2) == 16
    relation.index((0,))
    assert relation.fan_out((0,), 2) == 4
