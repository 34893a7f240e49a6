"""Each row of docs/protocol.md section 4 has tests, by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "protocol.md"
TESTS_BY_ROW = {
    "a message of an epoch below the newest with a transaction": (
        "test_delta_of_an_older_epoch_is_ignored_and_counted",
        "test_heartbeat_of_an_older_epoch_is_ignored_and_counted",
    ),
    "the same epoch from another incarnation": (
        "test_equal_epoch_of_another_incarnation_alarms_and_fetches_everything",
        "test_answer_of_a_twin_below_the_position_is_not_taken",
        "test_deltas_of_a_twin_do_not_follow_what_the_first_published",
        "test_two_publishers_of_one_epoch_are_asked_at_growing_distances",
    ),
    "the same epoch, seq 0, from another incarnation": (
        "test_twin_that_is_starting_is_no_sign_of_life_of_the_first",
    ),
    "delta (e, ≤ s)": ("test_duplicate_is_ignored_and_counted",),
    "delta (e, s+1) that fits the schemas held": (
        "test_next_delta_is_applied",
        "test_delta_with_replace_may_change_the_schema",
    ),
    "delta (e, s+1) with `pull`": ("test_next_delta_with_pull_syncs_at_once",),
    "delta (e, > s+1), or with another schema version and without `replace`": (
        "test_gap_asks_for_resync_once_after_gap_grace",
        "test_gap_that_closes_within_gap_grace_asks_for_nothing",
        "test_delta_with_another_schema_version_is_treated_as_a_gap",
    ),
    "delta or heartbeat of a newer epoch with a transaction": (
        "test_delta_of_a_newer_epoch_syncs",
        "test_heartbeat_of_a_newer_epoch_with_equal_digests_is_adopted_without_a_transfer",
        "test_heartbeat_of_a_newer_epoch_with_one_different_digest_syncs",
        "test_heartbeat_of_a_newer_epoch_with_another_schema_syncs",
        "test_heartbeat_of_a_newer_epoch_with_another_state_syncs",
        "test_unread_table_does_not_hinder_adoption",
    ),
    "heartbeat of a newer epoch, seq 0": (
        "test_starting_heartbeat_keeps_everything_and_makes_it_stale",
    ),
    "heartbeat (e, > s)": (
        "test_heartbeat_ahead_waits_for_heartbeat_grace_and_then_syncs",
        "test_heartbeat_ahead_of_a_delta_on_its_way_asks_for_nothing",
    ),
    "heartbeat (e, s) with another digest or state of a table": (
        "test_different_digest_at_an_equal_position_alarms_and_repairs_that_table",
        "test_different_state_alone_at_an_equal_position_is_repaired",
        "test_table_that_stays_different_after_two_repairs_is_unavailable",
        "test_table_given_up_is_repaired_again_after_a_while",
    ),
    "heartbeat (e, s), all equal": ("test_equal_digests_change_nothing",),
    "`full` heartbeat without a wanted table": (
        "test_table_that_a_full_heartbeat_does_not_list_is_asked_for_and_kept",
    ),
    "a beat not higher than the highest of its incarnation": (
        "test_beat_that_is_not_higher_is_no_sign_of_life",
    ),
}
WHILE_SYNCING = {
    "deltas of the target epoch are kept": (
        "test_delta_of_the_target_epoch_is_kept_until_the_answer",
    ),
    "and applied when they follow": (
        "test_next_delta_of_the_held_epoch_is_applied_while_a_request_is_out",
        "test_next_delta_of_the_held_epoch_is_ignored_while_a_newer_one_is_fetched",
        "test_another_gap_after_an_answer_is_asked_for_again",
    ),
    "a newer epoch drops them": (
        "test_newer_epoch_drops_the_buffer_and_the_request",
        "test_buffered_delta_of_a_left_epoch_is_not_applied_to_the_new_one",
    ),
    "another request number": ("test_answer_to_an_earlier_request_is_ignored",),
    "a piece that is in already": ("test_piece_that_arrives_twice_is_taken_once",),
    "an answer of another incarnation": ("test_answer_of_another_incarnation_is_ignored",),
    "an older epoch": ("test_snapshot_of_an_old_epoch_arriving_late_changes_nothing",),
    "below the position": ("test_answer_below_the_position_changes_nothing",),
    "before all pieces are in": ("test_nothing_is_applied_before_all_pieces_are_in",),
    "every digest is right": ("test_piece_with_a_wrong_row_is_not_applied",),
    "the difference to what is held": ("test_snapshot_is_applied_as_one_difference",),
    "at the same position as the changes of those held": (
        "test_added_table_and_changes_of_the_held_one_are_one_transaction",
    ),
    "brought forward by them": (
        "test_added_table_is_brought_forward_by_deltas_that_overtook_the_answer",
    ),
    "on overflow": ("test_overflow_of_the_buffer_drops_it_and_resyncs",),
    "a bound that doubles": ("test_requests_back_off_up_to_two_seconds",),
    "a word of the publisher makes it soon": ("test_word_of_the_publisher_resets_the_back_off",),
    "without a table that was asked for": (
        "test_answer_without_a_table_that_was_asked_for_is_asked_for_again_with_back_off",
    ),
    "The newest word of a publisher counts": (
        "test_newest_word_of_the_publisher_counts_and_not_the_highest",
        "test_publisher_that_has_nothing_newer_is_not_asked_again",
    ),
}
"""The sentences below the table, by words that stand in them."""


def section_4() -> str:
    text = PAGE.read_text(encoding="utf-8")
    return text[text.index("## 4. Subscriber") : text.index("## 5.")]


def test_rows_of_the_page_are_those_that_are_tested() -> None:
    rows = re.findall(r"^\| (.+?) \| .+ \|$", section_4(), re.MULTILINE)
    assert rows[0].startswith("what arrives")
    assert rows[1:] == list(TESTS_BY_ROW)


@pytest.mark.parametrize("words", WHILE_SYNCING)
def test_sentence_that_is_tested_stands_on_the_page(words: str) -> None:
    assert words in " ".join(section_4().split())


@pytest.mark.parametrize("row", [*TESTS_BY_ROW, *WHILE_SYNCING])
def test_row_has_tests(row: str) -> None:
    files = ("test_subscriber.py", "test_subscriber_syncing.py")
    text = "".join(HERE.joinpath(file).read_text(encoding="utf-8") for file in files)
    for test in {**TESTS_BY_ROW, **WHILE_SYNCING}[row]:
        assert f"\ndef {test}(" in text, test
