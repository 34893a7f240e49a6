"""What waits for a node's loop, and when its parts are due."""

from __future__ import annotations

from collections.abc import Callable

from congress_dist.node.inbox import Inbox, Item
from congress_dist.node.timetable import Timetable


def item(sender: str, size_bytes: int = 1) -> Item:
    return Item(sender, lambda: True, size_bytes)


def senders(inbox: Inbox) -> str:
    """Take everything out; give who sent it, in order."""
    found = ""
    while (taken := inbox.take(0.0)) is not None:
        found += taken.sender
    return found


def test_senders_have_their_turns_one_after_the_other() -> None:
    inbox = Inbox(100)
    for sender in "aaaabbc":
        inbox.put(item(sender))
    assert senders(inbox) == "abcabaa"


def test_sender_that_floods_loses_its_own_messages_and_no_other() -> None:
    inbox = Inbox(100)
    for _ in range(200):
        inbox.put(item("a"))
    assert inbox.dropped == 100
    for sender in "bc":
        for _ in range(10):
            assert inbox.put(item(sender))
    assert inbox.size_bytes == 100
    assert not inbox.put(item("a"))
    left = senders(inbox)
    assert (left.count("a"), left.count("b"), left.count("c")) == (80, 10, 10)


def test_bytes_are_bounded_whoever_sends() -> None:
    inbox = Inbox(100)
    for number in range(1000):
        inbox.put(item(f"sender{number % 30}", size_bytes=1 + number % 7))
        assert inbox.size_bytes <= 100
    assert inbox.dropped > 0


def test_message_larger_than_the_bound_is_dropped() -> None:
    inbox = Inbox(100)
    inbox.put(item("b", 50))
    assert not inbox.put(item("a", 101))
    assert senders(inbox) == "b"


def test_messages_set_aside_keep_their_order_and_others_go_on() -> None:
    inbox = Inbox(100)
    order = [Item("a", lambda: True, 1) for _ in range(3)]
    for each in order[:2]:
        inbox.put(each)
    inbox.put(item("b"))
    first = inbox.take(0.0)
    assert first is order[0]
    inbox.set_aside(first)
    inbox.put(order[2])
    assert senders(inbox) == "b"
    inbox.resume()
    assert [inbox.take(0.0) for _ in range(3)] == order


def test_any_number_of_nudges_are_one() -> None:
    inbox = Inbox(100)
    for _ in range(1000):
        inbox.nudge()
    inbox.put(item("a"))
    assert senders(inbox) == "a"
    assert inbox.size_bytes == 0


# --- when ---------------------------------------------------------------------------------------


def job() -> Callable[[], None]:
    return lambda: None


def test_jobs_come_when_they_are_due_and_once() -> None:
    timetable = Timetable(lambda: None)
    first, second, third = job(), job(), job()
    for due, each in ((3.0, third), (1.0, first), (2.0, second)):
        timetable.set(each, due)
    assert timetable.next_due == 1.0
    assert timetable.take_due(2.0) == [first, second]
    assert timetable.take_due(2.0) == []
    assert timetable.next_due == 3.0


def test_job_has_one_due_time_the_newest() -> None:
    timetable, moved = Timetable(lambda: None), job()
    timetable.set(moved, 1.0)
    timetable.set(moved, 5.0)
    assert timetable.take_due(4.0) == []
    timetable.set(moved, 2.0)
    assert timetable.take_due(4.0) == [moved]
    timetable.set(moved, 2.0)
    timetable.set(moved, float("inf"))
    assert timetable.next_due == float("inf")


def test_who_waits_is_told_of_sooner_jobs_only() -> None:
    told: list[int] = []
    timetable = Timetable(lambda: told.append(1))
    timetable.set(job(), 5.0)
    timetable.set(job(), 6.0)
    assert len(told) == 1
    timetable.set(job(), 4.0)
    assert len(told) == 2


def test_jobs_that_are_moved_often_take_no_room() -> None:
    timetable, moved, kept = Timetable(lambda: None), job(), job()
    timetable.set(kept, 0.5)
    for number in range(10_000):
        timetable.set(moved, 1.0 + number)
    assert len(timetable._heap) < 100
    assert timetable.take_due(20_000.0) == [kept, moved]
