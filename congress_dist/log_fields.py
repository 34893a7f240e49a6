"""Fields of log lines: which node, service, stream and position a line is about.

Call sites write `text key=value …` and nothing more. A filter on the log's handlers takes the keys
out of that, adds what holds for the whole process, and what the thread works on at that moment.
They are in each line of JSON logs (`use_json`), under `extra`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Protocol

_PLACEHOLDER = re.compile(r"(?:(\w+)=)?%(?:%|[-#0 +]*[\d.]*[a-zA-Z])")
_PLAIN = (str, int, float, bool, type(None))
_STREAM_KEYS = {"source": "stream"}
"""A source is the stream that somebody subscribes to; in logs it has one name."""


class Subject(Protocol):
    """What a thread works on: gives its fields when a line is written, and not before."""

    def log_fields(self) -> Mapping[str, Any]:
        """Give the stream, and the position it stands at."""
        ...


WORKED_ON: ContextVar[Subject | None] = ContextVar("congress_dist_worked_on", default=None)
"""What this thread works on; set it, and reset it in a `finally`."""


class LogFields(logging.Filter):
    """Puts the fields of a line into `extra`, where oslo.log's JSON formatter finds them."""

    def __init__(self, **process: str) -> None:
        super().__init__()
        self.process = process
        """What holds for all lines of this process: node, service."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields; every line passes."""
        subject = WORKED_ON.get()
        fields: dict[str, Any] = {**self.process}
        if subject is not None:
            fields |= subject.log_fields()
        fields |= _said(record)
        # What a library put there stays, unless it is one of ours.
        record.extra = {**getattr(record, "extra", {}), **fields}
        return True

    def attach(self) -> None:
        """Let all handlers of the process's log write the fields, instead of those before."""
        for handler in logging.getLogger().handlers:
            for former in [f for f in handler.filters if isinstance(f, LogFields)]:
                handler.removeFilter(former)
            handler.addFilter(self)


def _said(record: logging.LogRecord) -> dict[str, Any]:
    """Give the `key=value` pairs of a line, and the fields of an alarm."""
    args = record.args
    if not isinstance(record.msg, str) or not isinstance(args, tuple):
        return {}
    return {_STREAM_KEYS.get(key, key): value for key, value in _pairs(record.msg, args)}


def _pairs(text: str, args: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    found = (match for match in _PLACEHOLDER.finditer(text) if not match[0].endswith("%%"))
    for match, value in zip(found, args, strict=False):
        fields = getattr(value, "fields", None)
        if match[1] is not None:
            yield match[1], _plain(value)
        elif isinstance(fields, Mapping) and not isinstance(value, BaseException):
            yield from ((key, _plain(field)) for key, field in fields.items())


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value if isinstance(value, _PLAIN) else str(value)
