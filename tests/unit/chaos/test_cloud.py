"""The cloud of the fault runs: any version can be had at once, and step by step."""

from __future__ import annotations

import pytest

from congress_dist.row import encode_row
from tests.chaos.cloud import Shape, Truth, digest_of

SHAPES = [Shape(2, 1), Shape(2, 5), Shape(3, 4), Shape(5, 2)]


def tables_at(shape: Shape, version: int) -> list[set[tuple[object, ...]]]:
    return [set(shape.rows_at(table, version)) for table in range(shape.tables)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_step_touches_one_row_and_the_versions(shape: Shape) -> None:
    for version in range(1, 4 * shape.tables * shape.rows):
        before, after = tables_at(shape, version - 1), tables_at(shape, version)
        table, old, new = shape.step(version)
        assert old in before[table]
        before[table] = before[table] - {old} | {new}
        for number in (0, 1):
            before[number] -= {("version", "", "", "", version - 1)}
            before[number] |= {("version", "", "", "", version)}
        assert before == after


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_tables_that_are_not_touched_are_equal(shape: Shape) -> None:
    for before in range(20):
        for version in range(before, before + 2 * shape.tables):
            pairs = zip(tables_at(shape, before), tables_at(shape, version), strict=True)
            differing = {number for number, (old, new) in enumerate(pairs) if old != new}
            assert differing <= shape.touched_between(before, version)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_digest_of_each_version_is_that_of_its_rows(shape: Shape) -> None:
    truth = Truth(shape)
    for version in (0, 1, 2, 30, 17):
        whole = sum(
            digest_of(f"t{number}", map(encode_row, shape.rows_at(number, version)))
            for number in range(shape.tables)
        )
        assert truth.digest(version) == whole % 2**128
