"""The tables of docs/protocol.md section 4 as code: which row a message falls under, and what a
subscriber may and must do then.

Written from the page and not from the machine, so that the two check each other; it sees the
machine's position, epoch and requests, and nothing of how it decides.
"""

# ruff: noqa: S101 - the assertions are the purpose

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from congress_dist.protocol.effects import Alarm, Apply, Count, Effect, RequestSync
from congress_dist.protocol.messages import Delta, Heartbeat
from congress_dist.protocol.stream import Position, StateKind
from congress_dist.protocol.subscriber import Subscriber


@dataclass(frozen=True, slots=True)
class Before:
    """What a message found."""

    position: Position | None
    is_live: bool
    message: Delta | Heartbeat


Rule = Callable[[Before, Sequence[Effect], Position | None], bool]


def row_of(machine: Subscriber, message: Delta | Heartbeat, *, is_news: bool) -> str:
    """Name the row under which a message falls; `is_news` tells of a beat above all before."""
    assert message.epoch is not None
    epoch, position = machine.epoch, machine.position
    if epoch is not None and message.epoch < epoch:
        return "a message of an older epoch"
    if isinstance(message, Heartbeat) and message.seq == 0:
        if message.epoch == epoch and message.incarnation != machine.incarnation:
            return "starting, another incarnation of the epoch"
        is_newer = position is None or message.epoch > position.epoch
        return "starting, a newer epoch" if is_newer else "starting, late"
    if epoch is None or position is None:
        return "the first word of a source"
    if message.epoch > epoch:
        kind = "a delta" if isinstance(message, Delta) else "a heartbeat"
        return f"{kind} of a newer epoch"
    if message.incarnation != machine.incarnation:
        return "another incarnation of the epoch"
    if not machine.is_led_on:
        return "syncing towards another publisher"
    if isinstance(message, Delta):
        return _row_of_delta(machine, message, position)
    return _row_of_heartbeat(machine, message, position, is_news=is_news)


def _row_of_delta(machine: Subscriber, delta: Delta, position: Position) -> str:
    phase = "live" if machine.is_live else "syncing"
    if delta.seq <= position.seq:
        return f"{phase}: delta, a duplicate"
    if delta.seq > position.seq + 1:
        return f"{phase}: delta, after a gap"
    if not delta.pull and _fits(machine, delta):
        return f"{phase}: delta, the next"
    if not machine.is_live:
        return "syncing: delta, the next, kept"
    return "live: delta, the next, " + ("to be pulled" if delta.pull else "another schema")


def _row_of_heartbeat(
    machine: Subscriber, heartbeat: Heartbeat, position: Position, *, is_news: bool
) -> str:
    phase = "live" if machine.is_live else "syncing"
    if heartbeat.seq != position.seq:
        return f"{phase}: heartbeat, " + ("ahead" if heartbeat.seq > position.seq else "behind")
    if not machine.is_live:
        return "syncing: heartbeat, at the position"
    if any(_differs(machine, name, heartbeat) for name in heartbeat.tables):
        return "live: heartbeat, a table differs"
    if is_news and heartbeat.full and machine.holding.wanted - heartbeat.tables.keys():
        return "live: heartbeat, a wanted table is missing"
    return "live: heartbeat, all is well"


def _fits(machine: Subscriber, delta: Delta) -> bool:
    for name, change in delta.tables.items():
        held = machine.holding.tables.get(name)
        if held is None or not held.is_syncable or held.is_unread or change.replace:
            continue
        if change.schema_version != held.content.schema_version:
            return False
    return True


def _differs(machine: Subscriber, name: str, heartbeat: Heartbeat) -> bool:
    """Tell whether a table has another digest or state; unread ones are not compared."""
    held, summary = machine.holding.tables.get(name), heartbeat.tables[name]
    if held is None or not held.is_syncable:
        return False
    if held.is_unread or summary.state.kind is StateKind.UNREAD:
        return held.said.kind is not summary.state.kind
    return (held.content.digest, held.said) != (summary.digest, summary.state)


def check_row(row: str, before: Before, effects: Sequence[Effect], after: Position | None) -> None:
    """Assert that a subscriber did what the row says."""
    if Count("buffer_overflow") in effects:
        assert after == before.position, (row, before, effects, after)
        return
    rule = _RULES.get(row)
    assert rule is None or rule(before, effects, after), (row, before, effects, after)


def _stays(before: Before, effects: Sequence[Effect], after: Position | None) -> bool:
    """Position and rows are as before, and nothing is asked for."""
    return after == before.position and not _has(effects, Apply | RequestSync)


def _is_not_applied(before: Before, effects: Sequence[Effect], after: Position | None) -> bool:
    return after == before.position and not _has(effects, Apply)


def _is_counted(name: str) -> Rule:
    def rule(before: Before, effects: Sequence[Effect], after: Position | None) -> bool:
        return _stays(before, effects, after) and Count(name) in effects

    return rule


def _is_applied(before: Before, effects: Sequence[Effect], after: Position | None) -> bool:
    found = [effect for effect in effects if isinstance(effect, Apply)]
    assert before.position is not None
    expected = (before.position.epoch, before.position.seq + 1)
    is_next = bool(found) and found[0].transaction.position == expected
    return is_next and after is not None and after >= expected


def _is_asked(_before: Before, effects: Sequence[Effect], _after: Position | None) -> bool:
    return _has(effects, RequestSync)


def _is_turned_to(before: Before, effects: Sequence[Effect], after: Position | None) -> bool:
    """A newer epoch is asked for, or adopted without a transfer."""
    return _is_adopted(before, effects, after) or (
        after == before.position and _has(effects, RequestSync)
    )


def _is_adopted(before: Before, effects: Sequence[Effect], after: Position | None) -> bool:
    """The position of a newer epoch is taken over, and what followed is applied."""
    adopted = (before.message.epoch, before.message.seq)
    return Count("adopted") in effects and after is not None and after >= adopted


def _is_alarm(_before: Before, effects: Sequence[Effect], _after: Position | None) -> bool:
    return _has(effects, Alarm) and _has(effects, RequestSync | Apply)


def _is_conflict(before: Before, effects: Sequence[Effect], after: Position | None) -> bool:
    # It is asked for at once, or soon: each change of voice is one.
    return Count("conflict") in effects and _is_not_applied(before, effects, after)


def _has(effects: Sequence[Effect], kinds: object) -> bool:
    return any(isinstance(effect, kinds) for effect in effects)  # type: ignore[arg-type]


_RULES: dict[str, Rule] = {
    "a message of an older epoch": _is_counted("outdated"),
    "starting, a newer epoch": _stays,
    "starting, late": _stays,
    "starting, another incarnation of the epoch": _is_counted("rival"),
    "a delta of a newer epoch": _is_turned_to,
    "a heartbeat of a newer epoch": _is_turned_to,
    "another incarnation of the epoch": _is_conflict,
    "live: delta, a duplicate": _is_counted("duplicate"),
    "live: delta, after a gap": _stays,
    "live: delta, the next": _is_applied,
    "live: delta, the next, another schema": _stays,
    "live: delta, the next, to be pulled": _is_asked,
    "live: heartbeat, ahead": _is_not_applied,
    "live: heartbeat, behind": _is_not_applied,
    "live: heartbeat, a table differs": _is_alarm,
    "live: heartbeat, a wanted table is missing": _is_asked,
    "live: heartbeat, all is well": _stays,
    "syncing: delta, a duplicate": _is_counted("duplicate"),
    "syncing: delta, after a gap": _stays,
    "syncing: delta, the next": _is_applied,
    "syncing: delta, the next, kept": _stays,
    "syncing: heartbeat, ahead": _stays,
    "syncing: heartbeat, behind": _stays,
    "syncing: heartbeat, at the position": _stays,
    "syncing towards another publisher": lambda before, effects, after: (
        after == before.position or _is_adopted(before, effects, after)
    ),
}
IGNORED = frozenset({"a message of an older epoch", "starting, another incarnation of the epoch"})
"""The rows of messages that are no signs of life of whoever published what is held."""
ROWS = frozenset({*_RULES, "the first word of a source"})
"""Every row that a message can fall under."""
