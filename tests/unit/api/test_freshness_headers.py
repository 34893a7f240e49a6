"""Revision, positions and missing sources as headers."""

from __future__ import annotations

from congress_dist.api.freshness import freshness_headers


def test_revision_positions_and_missing_each_have_a_header() -> None:
    meta = {
        "revision": 7,
        "as_of": {
            "nova": {"position": [3, 41], "link_age": 0.25, "source_age": 12.0, "state": "ready",
                     "reason": "", "stale": False},
            "apt": {"position": None, "link_age": None, "source_age": None, "state": "unavailable",
                    "reason": 'run "apt-get update"', "stale": True},
        },
        "missing": {"apt:updates": 'run "apt-get update"'},
    }  # fmt: skip
    assert freshness_headers(meta) == {
        "X-Congress-Revision": "7",
        "X-Congress-As-Of": '"apt";state="unavailable";reason="run \\"apt-get update\\"";stale, '
        '"nova";position="3.41";state="ready";link_age=0.250;source_age=12.000',
        "X-Congress-Missing": '"apt:updates";reason="run \\"apt-get update\\""',
    }


def test_nothing_to_say_is_no_header() -> None:
    assert freshness_headers({}) == {}
    assert freshness_headers({"revision": 0, "as_of": {}, "missing": {}}) == {
        "X-Congress-Revision": "0"
    }


def test_no_text_can_break_out_of_a_header() -> None:
    headers = freshness_headers({"missing": {"a": 'x"\r\nSet-Cookie: ü%'}})
    assert headers == {"X-Congress-Missing": '"a";reason=%"x%22%0d%0aSet-Cookie: %c3%bc%25"'}


def test_a_long_list_is_cut_and_says_so() -> None:
    missing = {f"source{number:04}:table": "no publisher" for number in range(1000)}
    header = freshness_headers({"missing": missing})["X-Congress-Missing"]
    assert len(header) < 6100
    shown, left = header.rsplit(", more;count=", 1)
    assert len(shown.split(", ")) + int(left) == 1000
