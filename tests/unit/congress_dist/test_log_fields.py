"""Lines of the log carry node, service, stream and position without naming them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from congress_dist.log_fields import WORKED_ON, LogFields
from congress_dist.protocol.effects import Alarm
from congress_dist.protocol.stream import Epoch, Position, Seq


def extra_of(text: str, *args: Any) -> dict[str, Any]:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, text, args, None)
    assert LogFields(node="datasource-nova", service="nova").filter(record)
    found: dict[str, Any] = record.__dict__["extra"]
    return found


class Subject:
    def log_fields(self) -> Mapping[str, Any]:
        return {"stream": "nova", "position": [3, 17]}


@pytest.mark.parametrize(
    ("text", "args", "fields"),
    [
        ("nothing to say", (), {}),
        ("publishing stream=%s epoch=%d", ("nova", 3), {"stream": "nova", "epoch": 3}),
        ("told again source=%s failures=%d", ("nova", 2), {"stream": "nova", "failures": 2}),
        ("took %.1f s, 5 %% of it idle stream=%s", (2.5, "nova"), {"stream": "nova"}),
        ("dropped bytes=%d: %s", (9, ValueError("x")), {"bytes": 9}),
        ("failed error=%s", (ValueError("bad"),), {"error": "bad"}),
        ("at=%s", (Position(Epoch(1), Seq(2)),), {"at": [1, 2]}),
        ("%s", (Alarm("differs", {"source": "nova", "table": "t"}),),
         {"stream": "nova", "table": "t"}),
    ],
)  # fmt: skip
def test_keys_of_a_line_are_its_fields(
    text: str, args: tuple[Any, ...], fields: dict[str, Any]
) -> None:
    assert extra_of(text, *args) == {"node": "datasource-nova", "service": "nova"} | fields


def test_what_a_thread_works_on_is_in_its_lines_until_it_is_done() -> None:
    token = WORKED_ON.set(Subject())
    assert extra_of("a step failed")["position"] == [3, 17]
    assert extra_of("other stream=%s", "glance")["stream"] == "glance"
    WORKED_ON.reset(token)
    assert "stream" not in extra_of("a step failed")


def test_attaching_again_replaces_what_was_attached() -> None:
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        first, second = LogFields(node="a"), LogFields(node="b")
        first.attach()
        second.attach()
        assert [f for f in handler.filters if isinstance(f, LogFields)] == [second]
    finally:
        logging.getLogger().removeHandler(handler)
        for other in logging.getLogger().handlers:
            other.removeFilter(second)
