"""JSON without tolerance."""

from __future__ import annotations

import pytest

from congress_dist.api.json_body import MAX_DEPTH, decode_json
from congress_dist.errors import InvalidRequest


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": [1, 2.5, null, true, "x"]}', {"a": [1, 2.5, None, True, "x"]}),
        ('"ü\\ud83d\\ude00"'.encode(), "ü\U0001f600"),
        (b'"[[[{{{"', "[[[{{{"),
        (b'["\\\\", "\\"]"]', ["\\", '"]']),
        (b"-0.0", -0.0),
    ],
)
def test_json_is_read(data: bytes, value: object) -> None:
    assert decode_json(data) == value


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Expecting value"),
        (b"{bad", "Expecting property name"),
        (b"[1] 2", "Extra data"),
        (b"NaN", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"1e999", "too large for a float"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "'c' stands twice"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b'{"a": ["\\ud800"]}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"9" * 5000, "digits"),
    ],
)
def test_what_is_not_strict_json_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as refused:
        decode_json(data)
    assert refused.value.fields["reason"] == "json"


def test_nesting_is_bounded() -> None:
    assert decode_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    for opening in (b"[", b'{"a":'):
        with pytest.raises(InvalidRequest, match="deeper than 200"):
            decode_json(opening * 100_000)


def test_unterminated_text_full_of_quotes_is_refused_quickly() -> None:
    with pytest.raises(InvalidRequest):
        decode_json(b'"' + b'\\"' * 500_000)
