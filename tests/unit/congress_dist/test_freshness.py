"""The two ages of docs/protocol.md section 4."""

from __future__ import annotations

from congress_dist.protocol.freshness import Freshness


def test_nothing_heard_has_no_age() -> None:
    assert Freshness().link_age(5.0) is None
    assert Freshness().source_age("t", 5.0) is None


def test_clocks_of_two_machines_need_not_agree() -> None:
    freshness = Freshness()
    assert freshness.hear("i", 1, sent=1_000_000.0, now=10.0) == 0.0
    assert freshness.hear("i", 2, sent=1_000_001.0, now=11.25) == 0.25
    assert freshness.link_age(11.25) == 0.25


def test_beat_seen_before_is_no_sign_of_life() -> None:
    freshness = Freshness()
    freshness.hear("i", 5, sent=0.0, now=10.0)
    assert freshness.hear("i", 5, sent=0.0, now=20.0) is None
    assert freshness.hear("i", 4, sent=15.0, now=20.0) is None
    assert freshness.link_age(20.0) == 10.0


def test_smallest_delay_is_forgotten_after_ten_minutes() -> None:
    freshness = Freshness()
    freshness.hear("i", 1, sent=0.0, now=0.0)
    for minute in range(1, 15):
        excess = freshness.hear("i", minute + 1, sent=minute * 60.0, now=minute * 60.0 + 2.0)
        assert excess == (2.0 if minute <= 10 else 0.0)


def test_backlog_of_a_bus_that_stood_still_for_longer_than_that_shows_as_age() -> None:
    freshness = Freshness()
    freshness.hear("i", 1, sent=0.0, now=1000.0)
    for second in range(1, 90):
        freshness.hear("i", second + 1, sent=float(second), now=1700.0)
    assert freshness.link_age(1700.0) == 611.0


def test_beat_that_cannot_be_is_forgotten_after_ten_minutes() -> None:
    freshness = Freshness()
    freshness.hear("i", 2**62, sent=0.0, now=0.0)
    assert freshness.hear("i", 600, sent=600.0, now=600.0) is None
    assert freshness.hear("i", 601, sent=601.0, now=601.0) == 0.0
    assert freshness.hear("i", 602, sent=602.0, now=602.0) == 0.0


def test_old_message_that_comes_after_ten_minutes_of_silence_is_old() -> None:
    freshness = Freshness()
    for second in range(10):
        freshness.hear("i", second, sent=float(second), now=float(second))
    assert freshness.hear("i", 3, sent=3.0, now=700.0) == 697.0
    assert freshness.link_age(700.0) == 691.0


def test_backlog_shows_as_age_though_messages_arrive() -> None:
    freshness = Freshness()
    freshness.hear("i", 1, sent=0.0, now=0.0)
    for second in range(1, 30):
        freshness.hear("i", second + 1, sent=second * 0.5, now=float(second))
    assert freshness.link_age(29.0) == 14.5


def test_new_incarnation_has_delays_of_its_own() -> None:
    freshness = Freshness()
    freshness.hear("old", 9, sent=500.0, now=500.0)
    assert freshness.hear("new", 1, sent=0.0, now=501.0) == 0.0


def test_incarnations_remembered_are_bounded() -> None:
    freshness = Freshness()
    for index in range(1000):
        freshness.hear(f"i{index}", 1, sent=0.0, now=1.0)
    assert len(freshness._senders) == 16


def test_old_beat_of_an_incarnation_proves_nothing_though_others_were_heard_since() -> None:
    freshness = Freshness()
    freshness.hear("old", 9, sent=0.0, now=0.0)
    for index in range(10):
        freshness.hear(f"new{index}", 1, sent=1.0, now=1.0)
    assert freshness.hear("old", 9, sent=0.0, now=2.0) is None


def test_source_age_adds_the_age_of_the_word_to_what_it_says() -> None:
    freshness = Freshness()
    freshness.note_reads({"t": 3.0, "never": None}, at=10.0)
    assert freshness.source_age("t", 12.0) == 5.0
    assert freshness.source_age("never", 12.0) is None


def test_newest_word_on_a_table_counts() -> None:
    """Also when it makes the table older: the word before was under way for longer than known."""
    freshness = Freshness()
    freshness.note_reads({"t": 0.0}, at=10.0)
    freshness.note_reads({"t": 9.0}, at=11.0)
    assert freshness.source_age("t", 11.0) == 9.0
