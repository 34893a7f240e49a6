"""What every driver must do, as one check that driver authors run on theirs.

A driver is read for real: give it a configuration that points at something small.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from congress_dist.errors import CongressError, SourceUnavailable

from .driver import Driver, Option, Poll
from .encoding import EncodedChanges, Refused, Same, encode_read
from .options import OPTION_TYPES

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_COLUMN_TYPES = frozenset({"str", "int", "float", "bool", "any"})


def check_driver(driver_class: type[Driver], config: Mapping[str, Any]) -> list[str]:
    """Give what is wrong with a driver, one sentence each; [] is a driver that may be shipped.

    Shapes: `config` holds typed values, as the service gives them; left out ones are defaults.
    Promises: each poll is read twice; the driver is closed, also when a read raises.
    """
    declared = [
        *_check_names(driver_class),
        *_check_options(driver_class.options),
        *_check_tables(driver_class),
        *_check_polls(driver_class),
    ]
    if declared:
        return declared  # reading would only say it again
    defaults = {option.name: option.default for option in driver_class.options}
    driver = driver_class({**defaults, **config})
    try:
        problems = [problem for poll in driver.polls for problem in _check_reads(driver, poll)]
    finally:
        driver.close()
    return problems + list(_check_second_close(driver))


def _check_names(driver: type[Driver]) -> Iterator[str]:
    if not _IDENTIFIER.match(driver.name):
        yield f"the driver's name {driver.name!r} is not an identifier"
    if not driver.description:
        yield "the driver has no description"


def _check_options(options: tuple[Option, ...]) -> Iterator[str]:
    yield from _repeated("option", [option.name for option in options])
    for option in options:
        if not _IDENTIFIER.match(option.name):
            yield f"option {option.name!r} is not an identifier"
        if not option.description:
            yield f"option {option.name!r} has no description"
        if option.type not in OPTION_TYPES:
            yield f"option {option.name!r} has a type that no text can be read as: {option.type}"
        elif option.default is not None and not isinstance(option.default, _classes_of(option)):
            yield f"option {option.name!r}: its default is not a {option.type.__name__}"
        if option.secret and option.default is not None:
            yield f"option {option.name!r} is a secret that everybody can read: its default"


def _classes_of(option: Option) -> tuple[type, ...]:
    return (list, tuple) if option.type is list else (option.type,)


def _check_tables(driver: type[Driver]) -> Iterator[str]:
    for table, schema in driver.tables.items():
        if not _IDENTIFIER.match(table):
            yield f"table {table!r} is not an identifier"
        if not schema.description:
            yield f"table {table!r} has no description"
        if not schema.columns:
            yield f"table {table!r} has no columns"
        yield from _repeated(f"column of table {table!r}", list(schema.names))
        for column in schema.columns:
            if not _IDENTIFIER.match(column.name):
                yield f"column {column.name!r} of table {table!r} is not an identifier"
            if not column.description:
                yield f"column {column.name!r} of table {table!r} has no description"
            if column.type not in _COLUMN_TYPES:
                yield f"column {column.name!r} of table {table!r} has type {column.type!r}"


def _check_polls(driver: type[Driver]) -> Iterator[str]:
    yield from _repeated("poll", [poll.name for poll in driver.polls])
    polled = [table for poll in driver.polls for table in poll.tables]
    yield from _repeated("table in polls", polled)
    for table in sorted(set(driver.tables) ^ set(polled)):
        known = "declared" if table in driver.tables else "polled"
        yield f"table {table!r} is only {known}: each one is in exactly one poll"
    for poll in driver.polls:
        if poll.interval <= 0 or poll.timeout <= 0:
            yield f"poll {poll.name!r}: interval and timeout must be above 0 s"


def _check_reads(driver: Driver, poll: Poll) -> Iterator[str]:
    for number in (1, 2):
        try:
            reads = driver.read(poll.name)
            outcomes = encode_read(poll, driver.tables, reads)
        except SourceUnavailable:
            continue
        except CongressError as error:
            yield f"read {number} of poll {poll.name!r}: {error.message}"
            continue
        for table, outcome in outcomes.items():
            if isinstance(outcome, Refused):
                yield f"read {number} of poll {poll.name!r}: {outcome.reason}"
            if isinstance(outcome, Same | EncodedChanges) and number == 1:
                yield f"table {table!r} has no rows in the first read, but refers to one before"


def _check_second_close(driver: Driver) -> Iterator[str]:
    try:
        driver.close()
    except Exception as error:  # noqa: BLE001 - the border to driver code: becomes a finding
        yield f"the second close raises {type(error).__name__}: {error}"


def _repeated(what: str, names: list[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{what} {name!r} occurs {count} times"
