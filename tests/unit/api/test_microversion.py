"""Which version a request gets."""

from __future__ import annotations

import pytest

from congress_dist.api.microversion import MAX_VERSION, MIN_VERSION, Microversion, negotiate
from congress_dist.errors import InvalidRequest


@pytest.mark.parametrize("header", [None, "", "compute 2.1", "compute 2.1, identity 3.0"])
def test_absent_means_the_lowest(header: str | None) -> None:
    assert negotiate(header) == MIN_VERSION == (1, 0)


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ("policy 1.0", (1, 0)),
        ("policy 1.1", (1, 1)),
        ("policy latest", MAX_VERSION),
        ("compute 2.90,policy 1.1", (1, 1)),
        ("  policy   1.1  ", (1, 1)),
    ],
)
def test_an_offered_version_is_taken(header: str, version: Microversion) -> None:
    assert negotiate(header) == version


@pytest.mark.parametrize(
    "header",
    ["policy 1.2", "policy 2.0", "policy 0.9", "policy", "policy 1", "policy 1.01", "policy 1.1.1",
     "policy -1.0", "policy x", "policy 1.99999999999999999999", "policy ١.١"],
)  # fmt: skip
def test_another_version_is_refused_and_the_range_named(header: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        negotiate(header)
    assert refused.value.fields["reason"] == "version_not_acceptable"
    assert refused.value.fields["min_version"] == "1.0"
    assert refused.value.fields["max_version"] == str(MAX_VERSION)
