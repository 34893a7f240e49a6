"""Dates and times: texts in any usual spelling, read without their time zone as Congress does.

Only `age_seconds` heeds the zone; the name of one, as CET, counts as none.

A text without a date is no moment: it is refused wherever the date matters. Durations are seconds,
or texts as "s", "m:s", "h:m:s", "d:h:m:s" and "w:d:h:m:s".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache

from dateutil import parser

from .registry import Age, BuiltinFailure, builtin

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?", re.ASCII)
_MAX_LENGTH = 100
"""Characters of a time that are looked at: the longest spelling has far fewer."""
_DEFAULTS = (datetime(2000, 1, 1), datetime(2004, 2, 2))
"""What stands in for parts that a text leaves out; those that differ were left out."""
_MOMENTS = 2**14
"""Texts whose moments are remembered, about 4 MB: each tick compares the same constants again."""
_DURATION = ("seconds", "minutes", "hours", "days", "weeks")
_FIRST = datetime(1900, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_Number = int | float


def _microseconds(text: str) -> int:
    """Give the microseconds from 1970 until a time; one with a zone is converted."""
    found = _with_date(*_read(text))
    in_utc = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return (in_utc - _EPOCH) // _MICROSECOND


def _seconds(microseconds: int) -> _Number:
    seconds = microseconds / 10**6
    return int(seconds) if seconds.is_integer() else seconds


@builtin("now(| time: text)", reads=("clock", "now"))
def now(clock: str) -> str:
    """Give the time of the clock, in UTC."""
    return clock


@builtin(
    "age_seconds(time: text | seconds: number)",
    reads=("clock", "now"),
    age=Age(_microseconds, _seconds),
)
def age_seconds(clock: str, moment: str) -> _Number:
    """Give the seconds from a time until now; a time with a zone is converted, others are UTC."""
    return _seconds(_microseconds(clock) - _microseconds(moment))


@builtin("unpack_date(x: text | year: integer, month: integer, day: integer)")
def unpack_date(x: str) -> tuple[int, int, int]:
    """Give year, month and day."""
    found = _moment(x)
    return found.year, found.month, found.day


@builtin("unpack_time(x: text | hours: integer, minutes: integer, seconds: integer)")
def unpack_time(x: str) -> tuple[int, int, int]:
    """Give hours, minutes and seconds; the date may be left out."""
    found = _time_of_day(x)
    return found.hour, found.minute, found.second


@builtin(
    "unpack_datetime(x: text | year: integer, month: integer, day: integer,"
    " hours: integer, minutes: integer, seconds: integer)"
)
def unpack_datetime(x: str) -> tuple[int, int, int, int, int, int]:
    """Give year, month, day, hours, minutes and seconds."""
    return unpack_date(x) + unpack_time(x)


@builtin("pack_time(hours: whole, minutes: whole, seconds: whole | x: text)")
def pack_time(hours: int | str, minutes: int | str, seconds: int | str) -> str:
    """Give a time as 01:02:03."""
    return str(_made(time, hours, minutes, seconds))


@builtin("pack_date(year: whole, month: whole, day: whole | x: text)")
def pack_date(year: int | str, month: int | str, day: int | str) -> str:
    """Give a date as 2014-07-10."""
    return str(_made(date, year, month, day))


@builtin(
    "pack_datetime(year: whole, month: whole, day: whole, hours: whole, minutes: whole,"
    " seconds: whole | x: text)"
)
def pack_datetime(*parts: int | str) -> str:
    """Give a date and time as 2014-07-10 01:02:03."""
    return str(_made(datetime, *parts))


@builtin("extract_date(x: text | day: text)")
def extract_date(x: str) -> str:
    """Give the date as 2014-07-10."""
    return str(_moment(x).date())


@builtin("extract_time(x: text | time: text)")
def extract_time(x: str) -> str:
    """Give the time of day as 01:02:03; the date may be left out."""
    return str(_time_of_day(x))


@builtin("datetime_to_seconds(x: text | seconds: integer)")
def datetime_to_seconds(x: str) -> int:
    """Give the seconds since 1900-01-01."""
    return int((_moment(x) - _FIRST).total_seconds())


@builtin("datetime_plus(x: text, duration: ordered | z: text)")
def datetime_plus(x: str, duration: _Number | str) -> str:
    """Give the time that is a duration after x."""
    return str(_moment(x) + _duration(duration))


@builtin("datetime_minus(x: text, duration: ordered | z: text)")
def datetime_minus(x: str, duration: _Number | str) -> str:
    """Give the time that is a duration before x."""
    return str(_moment(x) - _duration(duration))


@builtin("datetime_lt(x: text, y: text |)")
def datetime_lt(x: str, y: str) -> bool:
    """Hold when x is before y."""
    return _moment(x) < _moment(y)


@builtin("datetime_lteq(x: text, y: text |)")
def datetime_lteq(x: str, y: str) -> bool:
    """Hold when x is before y or at the same time."""
    return _moment(x) <= _moment(y)


@builtin("datetime_gt(x: text, y: text |)")
def datetime_gt(x: str, y: str) -> bool:
    """Hold when x is after y."""
    return _moment(x) > _moment(y)


@builtin("datetime_gteq(x: text, y: text |)")
def datetime_gteq(x: str, y: str) -> bool:
    """Hold when x is after y or at the same time."""
    return _moment(x) >= _moment(y)


@builtin("datetime_equal(x: text, y: text |)")
def datetime_equal(x: str, y: str) -> bool:
    """Hold when x and y are the same time."""
    return _moment(x) == _moment(y)


@lru_cache(maxsize=_MOMENTS)
def _moment(text: str) -> datetime:
    return _with_date(*_read(text)).replace(tzinfo=None)


def _time_of_day(text: str) -> time:
    found, _ = _read(text)
    return found.time()


def _with_date(found: datetime, has_date: bool) -> datetime:
    if not has_date:
        raise BuiltinFailure("the time has no date")
    return found


def _read(text: str) -> tuple[datetime, bool]:
    """Read a time; tell whether the text gives year, month and day."""
    if len(text) > _MAX_LENGTH:
        raise BuiltinFailure("the text is too long for a time")
    try:
        if _ISO.fullmatch(text):
            return datetime.fromisoformat(text), True
        first, second = (
            parser.parse(text, default=default, tzinfos=_zone) for default in _DEFAULTS
        )
    except (ValueError, TypeError, ArithmeticError):
        raise BuiltinFailure("the text is not a time") from None
    return first, first.date() == second.date()


def _zone(name: str | None, offset: int | None) -> timezone | None:
    """Give the zone of an offset; a name alone means another one in each country."""
    return None if offset is None else timezone(timedelta(seconds=offset), name or "")


def _duration(given: _Number | str) -> timedelta:
    if not isinstance(given, str):
        return timedelta(seconds=given)
    fields = given.split(":") if len(given) <= _MAX_LENGTH else []
    if not 1 <= len(fields) <= len(_DURATION):
        raise BuiltinFailure("the text is not a duration")
    try:
        parts = [int(part) for part in reversed(fields)]
    except ValueError:
        raise BuiltinFailure("the text is not a duration") from None
    return timedelta(**dict(zip(_DURATION, parts, strict=False)))


def _made(kind: Callable[..., date | time], *parts: int | str) -> date | time:
    try:
        return kind(*(int(part) for part in parts))
    except ValueError:
        raise BuiltinFailure("there is no such date or time") from None
