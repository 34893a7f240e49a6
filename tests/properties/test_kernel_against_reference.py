"""The engine against the reference engine: random rules under random changes.

`python -m tests.oracle.volume SEED N` runs many more of the same cases; here hypothesis takes the
decisions and so shrinks them.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.cases import Case, random_case
from tests.oracle.census import MIN_SHARE, count_classes
from tests.oracle.choices import Choices
from tests.oracle.comparison import run_case
from tests.oracle.volume import case_of


@st.composite
def cases(draw: st.DrawFn) -> Case:
    return random_case(Choices(lambda count: draw(st.integers(0, count - 1))))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_changes_come_to_what_the_reference_engine_says(case: Case) -> None:
    run_case(case)


@pytest.mark.parametrize("seed", range(3))
def test_seeded_cases_come_to_what_the_reference_engine_says(seed: int) -> None:
    for number in range(50):
        run_case(case_of(seed, number))


def test_random_programs_are_made_of_everything() -> None:
    count = 800
    rare = [name for name, n in count_classes(1, count).items() if n < count * MIN_SHARE]
    assert not rare
