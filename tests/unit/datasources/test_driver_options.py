"""Options of a driver: texts become typed values, or a message that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from congress_dist.datasources.driver import Option
from congress_dist.datasources.options import parse_options, shown_options
from congress_dist.errors import StartupError

OPTIONS = (
    Option("url", "where the cloud is", required=True),
    Option("retries", "tries per read", int, default=3),
    Option("pause", "seconds", float, default=1.5),
    Option("verify", "check certificates", bool, default=True),
    Option("folder", "where to look", Path),
    Option("regions", "which ones", list),
    Option("password", "of the account", secret=True),
    Option("pin", "of the card", int, secret=True),
)


def test_texts_become_values_of_the_declared_types() -> None:
    given = {
        "url": " https://cloud ",
        "retries": "7",
        "pause": "0.25",
        "verify": "No",
        "folder": "/srv",
        "regions": "north, south,",
        "password": "hush",
        "pin": "42",
    }
    assert parse_options(OPTIONS, given, datasource="nova") == {
        "url": "https://cloud",
        "retries": 7,
        "pause": 0.25,
        "verify": False,
        "folder": Path("/srv"),
        "regions": ["north", "south"],
        "password": "hush",
        "pin": 42,
    }


def test_what_is_not_given_has_its_default() -> None:
    values = parse_options(OPTIONS, {"url": "x"}, datasource="nova")
    assert values["retries"] == 3
    assert values["password"] is None
    assert set(values) == {option.name for option in OPTIONS}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "datasource 'nova' needs option 'url' (where the cloud is)"),
        ({"url": "x", "retrys": "1"}, "has no option 'retrys', did you mean 'retries'?"),
        ({"url": "x", "zzz": "1"}, "has no option 'zzz'; known: folder, password, pause, pin"),
        ({"url": "x", "retries": "many"}, "option 'retries': 'many' is not a whole number"),
        ({"url": "x", "pause": "1 s"}, "option 'pause': '1 s' is not a number"),
        ({"url": "x", "verify": "maybe"}, "option 'verify': 'maybe' is not true or false"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_hint(given: dict[str, str], message: str) -> None:
    with pytest.raises(StartupError) as caught:
        parse_options(OPTIONS, given, datasource="nova")
    assert message in caught.value.message


def test_a_driver_without_options_says_so() -> None:
    with pytest.raises(StartupError, match="has no option 'x'; the driver has no options"):
        parse_options((), {"x": "1"}, datasource="nova")


def test_the_text_of_a_secret_is_never_told() -> None:
    with pytest.raises(StartupError) as caught:
        parse_options(OPTIONS, {"url": "x", "pin": "s3cret"}, datasource="nova")
    assert "s3cret" not in repr(caught.value)
    assert caught.value.__cause__ is None
    values = parse_options(OPTIONS, {"url": "x", "password": "s3cret"}, datasource="nova")
    assert shown_options(OPTIONS, values) == {
        "url": "x",
        "retries": 3,
        "pause": 1.5,
        "verify": True,
        "password": "<hidden>",
    }
