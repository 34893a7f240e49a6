"""The order of evaluation, kept as rules come and go: as good as one made anew."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from congress_dist.policy.planner.components import EvaluationOrder
from congress_dist.policy.planner.normal_form import TableKey


class Tables:
    """Tables with what they read, changed edge by edge."""

    def __init__(self) -> None:
        self.reads: defaultdict[TableKey, Counter[TableKey]] = defaultdict(Counter)
        self.order = self.new_order()

    def new_order(self) -> EvaluationOrder:
        return EvaluationOrder(
            lambda table: bool(self.reads.get(table)),
            reads_of=lambda table: self.reads.get(table, ()),
            readers_of=lambda table: [t for t, read in self.reads.items() if table in read],
        )

    def add(self, table: TableKey, read: TableKey) -> None:
        self.reads[table][read] += 1
        self.order.touch(table, [read])

    def remove(self, table: TableKey, read: TableKey) -> None:
        self.reads[table] -= Counter([read])
        self.order.touch(table, ())

    def derived(self) -> list[TableKey]:
        return [table for table, read in self.reads.items() if read]

    def groups(self, order: EvaluationOrder) -> set[tuple[frozenset[TableKey], bool]]:
        found = [order.find(table) for table in self.derived()]
        return {(frozenset(c.tables), c.is_recursive) for c in found if c is not None}

    def assert_fits(self) -> None:
        number = {}
        for table in self.derived():
            component = self.order.find(table)
            assert component is not None
            assert table in component.tables
            number[table] = component.number
        for table, read in self.reads.items():
            for other in read:
                if other in number:
                    assert number[other] <= number[table]
        fresh = self.new_order()
        for table in self.derived():
            fresh.touch(table)
        assert self.groups(self.order) == self.groups(fresh)


def key(number: int) -> TableKey:
    return ("p", f"t{number}")


def test_a_table_that_only_reads_what_is_there_moves_nothing() -> None:
    tables = Tables()
    tables.add(key(1), key(0))
    tables.add(key(2), key(1))
    before = tables.order.find(key(2))
    tables.add(key(2), key(0))
    tables.add(key(3), key(2))
    assert tables.order.find(key(2)) is before
    tables.assert_fits()


def test_tables_that_moved_are_told_once_with_their_component_of_before() -> None:
    tables = Tables()
    tables.add(key(1), key(2))
    tables.add(key(2), key(1))
    assert tables.order.take_moved() == {key(1): None, key(2): None}
    before = tables.order.find(key(1))
    tables.add(key(2), key(0))
    tables.remove(key(2), key(1))
    assert tables.order.take_moved() == {key(1): before, key(2): before}
    assert tables.order.take_moved() == {}


edges = st.tuples(st.integers(0, 6).map(key), st.integers(0, 6).map(key))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), edges), max_size=30), st.integers(1, 5))
def test_the_order_fits_after_any_changes(
    changes: list[tuple[bool, tuple[TableKey, TableKey]]], together: int
) -> None:
    tables = Tables()
    for number, (adds, (table, read)) in enumerate(changes):
        if adds or not tables.reads.get(table, {}).get(read):
            tables.add(table, read)
        else:
            tables.remove(table, read)
        if number % together == 0:
            tables.assert_fits()
    tables.assert_fits()


class Reads(dict[TableKey, None]):
    """What a table reads; tells how often somebody went through all of it."""

    walks = 0

    def __iter__(self) -> Iterator[TableKey]:
        self.walks += 1
        return super().__iter__()


def test_one_more_read_of_a_table_with_many_looks_at_none_of_the_others() -> None:
    reads = {key(0): Reads({key(number): None for number in range(1, 1_000)})}
    order: EvaluationOrder = EvaluationOrder(
        reads.__contains__, reads_of=lambda table: reads.get(table, ()), readers_of=lambda _: ()
    )
    order.touch(key(0))
    found = order.find(key(0))
    walks = reads[key(0)].walks
    reads[key(0)][key(1_000)] = None
    order.touch(key(0), [key(1_000)])
    assert order.find(key(0)) == found
    del reads[key(0)][key(7)]
    order.touch(key(0), ())
    assert order.find(key(0)) == found
    assert reads[key(0)].walks == walks
