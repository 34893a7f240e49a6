"""A step of the kernel: what it tells of, and that one that fails leaves nothing behind."""

from __future__ import annotations

import pytest

from congress_dist.policy.kernel import CellRefused, Kernel


def test_a_step_that_is_refused_changes_nothing() -> None:
    kernel = Kernel(lambda *_: ())
    one, other = (kernel.add_relation(1, "base") for _ in range(2))
    with pytest.raises(CellRefused):
        kernel.step([(one, [(1,)], ()), (other, [(object(),)], ())])  # type: ignore[list-item]
    assert kernel.rows(one) == []
    assert kernel.step([(one, [(2,)], ())])[0] == {}
    assert kernel.rows(one) == [(2,)]


def test_a_step_tells_which_relations_are_not_as_large_as_expected() -> None:
    kernel = Kernel(lambda *_: ())
    table = kernel.add_relation(1, "base")
    assert kernel.step([(table, [(1,)], ())])[1] == [table]
    kernel.expect_size(table, 1, 2)
    outgrown = [kernel.step([(table, [(number,)], ())])[1] for number in (2, 3)]
    assert outgrown == [[], [table]]
    assert kernel.step([(table, (), [(3,)])])[1] == []
    assert kernel.step([(table, (), [(1,), (2,)])])[1] == [table]
