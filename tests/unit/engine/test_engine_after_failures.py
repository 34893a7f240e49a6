"""What a change that was stopped on the way leaves behind: nothing."""

from __future__ import annotations

import pytest

from congress_dist.policy import Engine
from congress_dist.policy.kernel import LimitExceeded

SOURCES = 70_000  # more than the kernel goes through between two looks at its limits
ENOUGH_TO_FIND_THEM = 100_000  # but not to check for each whether it still follows


def test_a_search_for_lost_support_that_is_stopped_marks_nothing() -> None:
    engine = Engine()
    engine.create_policy("net", kind="recursive")
    engine.set_schema("cloud", {"link": ["a", "b"]})
    links: list[tuple[int | str, str]] = [(source, "hub") for source in range(SOURCES)]
    engine.load("cloud", {"link": [*links, ("hub", "target")]})
    engine.insert("net", "reach(x, y) :- cloud:link(x, y)")
    engine.insert("net", "reach(x, z) :- reach(x, y), cloud:link(y, z)")
    face = engine._evaluator.face
    number = face.tables.find(("cloud", "link"), 2)
    assert number is not None
    mark = face.kernel.mark()
    face.kernel.set_limits(2_000_000, ENOUGH_TO_FIND_THEM)
    face.kernel.change(number, [], [("hub", "target")])
    with pytest.raises(LimitExceeded):
        face.kernel.propagate()
    face.kernel.rollback(mark)
    face.kernel.set_limits(2_000_000, 40_000_000)
    assert len(engine.rows("net", "reach")) == 2 * SOURCES + 1

    engine.apply("cloud", {}, {"link": [("hub", "target")]})

    assert len(engine.rows("net", "reach")) == SOURCES
