"""Comparisons of ages with constants, as the clock ticks and times come and go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from congress_dist.errors import InvalidRow
from congress_dist.policy import Engine
from congress_dist.policy.language.builtins import find_builtin

RARE = {"never", "exactly", "exactly_float", "same"}
START = datetime(2026, 1, 1, tzinfo=UTC)
NO_TIMES = ("soon", "", "12:30:00", None, 7, "2026-02-31")
TESTS = {
    "over": "s > 60 * 60",
    "not_over": "s <= 3600",
    "in_between": "s >= 600.5, s < 3600",
    "turned": "600 < s, 3600 >= s",
    "exactly": "s = 600",
    "exactly_float": "s = 600.0",
    "other": "s != 600",
    "by_builtin": "gt(s, 600), lteq(s, 900)",
    "same": "equal(s, 600.0)",
    "ahead": "s < 0",
    "far": "s < 1e300, s > -9223372036854775808",
    "never": "s > 5, s < 5",
    "worked_out": "h = 10 * 60, s > h",
}
"""Conjuncts by the table that tests an age with them."""


def opened() -> Engine:
    engine = Engine()
    engine.create_policy("p")
    engine.set_schema("d", {"t": ["x", "at"]})
    engine.set_schema("clock", {"now": ["time"]})
    for table, test in TESTS.items():
        engine.insert("p", f"{table}(x) :- d:t(x, w), age_seconds(w, s), {test}")
        # The age itself is wanted here, so that nothing but the rule as it stands is run.
        engine.insert("p", f"plain_{table}(x, s) :- d:t(x, w), age_seconds(w, s), {test}")
    return engine


def time_text(random: Random) -> str:
    near = [0, 0, 599, 600, 601, 1200, 3600]
    seconds = random.choice([*near, random.randrange(-5000, 9000)])
    moment = START + timedelta(seconds=seconds, microseconds=random.choice([0, 0, 0, 1, 500_000]))
    if random.random() < 0.2:
        return moment.astimezone(UTC).strftime("%d %b %Y %H:%M:%S.%f +0000")
    return moment.replace(tzinfo=None).isoformat(sep=random.choice(" T"))


def changes(random: Random) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """Give tables with the rows that they are to hold from then on."""
    while True:
        if random.random() < 0.6:
            times = [time_text(random) for _ in range(random.choice([1, 1, 1, 1, 0, 2, 3]))]
            yield "clock", [(time,) for time in times]
        elif random.random() < 0.1:
            yield "clock", [(random.choice(NO_TIMES),)]
        else:
            times = [random.choice([time_text(random), *NO_TIMES]) for _ in range(8)]
            yield (
                "d",
                [
                    (number, random.choice([time_text(random), t]))
                    for number, t in enumerate(times)
                ],
            )


@pytest.mark.parametrize("seed", range(8))
def test_an_index_by_crossing_time_gives_what_each_age_gives(seed: int) -> None:
    engine, random = opened(), Random(seed)
    seen = dict.fromkeys(TESTS, 0)
    for _, (source, rows) in zip(range(60), changes(random), strict=False):
        engine.load(source, {"now" if source == "clock" else "t": rows})
        for table in TESTS:
            expected = {row[:1] for row in engine.rows("p", f"plain_{table}")}
            assert set(engine.rows("p", table)) == expected, (table, source, rows)
            seen[table] += len(expected)
    assert {table for table, rows in seen.items() if not rows} <= RARE


def test_an_age_is_exactly_a_constant() -> None:
    engine = opened()
    engine.load("d", {"t": [(1, "2026-01-01"), (2, "2026-01-01 00:00:00.5"), (3, "2025-12-31")]})
    engine.load("clock", {"now": [("2026-01-01 00:10:00",)]})
    assert engine.rows("p", "exactly") == engine.rows("p", "same") == [(1,)]
    assert engine.rows("p", "exactly_float") == []
    assert sorted(engine.rows("p", "other")) == [(2,), (3,)]
    engine.load("clock", {"now": [("2026-01-01 00:10:00.5",)]})
    assert engine.rows("p", "exactly") == engine.rows("p", "same") == [(2,)]


def test_a_tick_reports_the_rows_that_cross_and_no_others() -> None:
    engine = opened()
    engine.load("d", {"t": [(n, str(START + timedelta(seconds=n))) for n in range(1000)]})
    engine.load("clock", {"now": [("2026-01-01 01:00:00",)]})
    ticked = engine.load("clock", {"now": [("2026-01-01 01:00:02",)]})
    assert ticked["p", "over"] == ([(0,), (1,)], [])
    assert ticked["p", "not_over"] == ([], [(0,), (1,)])
    assert ("p", "other") not in ticked


def test_a_time_that_is_none_is_told() -> None:
    engine = opened()
    engine.load("clock", {"now": [("2026-01-01",)]})
    engine.load("d", {"t": [(1, "soon"), (2, "soon"), (3, "2026-01-01")]})
    for hour in range(5):
        engine.load("clock", {"now": [(f"2026-01-01 0{hour}:00:00",)]})
    found = [each for each in engine.failures() if each.rule.head.table == "over"]
    assert [(each.builtin, each.reason, each.count, each.example) for each in found] == [
        ("age_seconds", "the text is not a time", 1, ("soon",))
    ]


def test_a_tick_that_is_refused_leaves_nothing() -> None:
    engine = opened()
    engine.load("d", {"t": [(n, str(START + timedelta(seconds=n))) for n in range(10)]})
    engine.load("clock", {"now": [("2026-01-01 00:00:00",)]})
    before = {table: engine.rows("p", table) for table in TESTS}
    with pytest.raises(InvalidRow):
        engine.load("clock", {"now": [("2026-01-01 01:00:00",), (float("nan"),)]})
    assert {table: engine.rows("p", table) for table in TESTS} == before


def test_rules_that_test_ages_come_and_go() -> None:
    engine = opened()
    engine.load("d", {"t": [(1, "2026-01-01"), (2, "2026-01-01 00:50:00")]})
    engine.load("clock", {"now": [("2026-01-01 01:00:01",)]})
    rule = "again(x) :- d:t(x, w), age_seconds(w, s), s > 3600"
    for _ in range(3):
        engine.insert("p", rule)
        assert engine.rows("p", "again") == [(1,)]
        engine.delete("p", rule)
        assert engine.rows("p", "again") == []
    engine.insert("p", rule)
    engine.load("clock", {"now": [("2026-01-01 01:50:01",)]})
    assert sorted(engine.rows("p", "again")) == [(1,), (2,)]
    assert engine.explain("p", "again", (2,)) is not None


def test_the_moment_of_a_time_follows_the_age() -> None:
    builtin = find_builtin("age_seconds")
    assert builtin is not None
    assert builtin.age is not None
    moments = builtin.of_moments(builtin.age)
    ((earlier,),) = moments.rows(("2026-01-01 00:00:00.5+01:00",))
    ((later,),) = moments.rows(("2026-01-01",))
    assert later - earlier == 3_599_500_000
    assert builtin.age.of(later - earlier) == 3599.5
