"""Which of the numbers noted still counts."""

from __future__ import annotations

import pytest

from congress_dist.protocol.recent_maximum import RecentMaximum


@pytest.mark.parametrize(
    ("at", "largest"), [(0.0, 5.0), (9.0, 5.0), (10.0, 5.0), (19.0, 5.0), (30.0, 0.0), (99.0, 0.0)]
)
def test_number_counts_for_one_to_two_windows(at: float, largest: float) -> None:
    recent = RecentMaximum(10.0)
    recent.note(5.0, 1000.0)
    recent.note(3.0, 1000.0)
    assert recent.at(1000.0 + at) == largest


def test_smaller_number_counts_when_the_larger_is_forgotten() -> None:
    recent = RecentMaximum(10.0)
    recent.note(5.0, 1000.0)
    recent.note(3.0, 1011.0)
    assert [recent.at(1000.0 + at) for at in (11, 22, 33)] == [5.0, 3.0, 0.0]
