"""Faults that somebody could write into the protocol's state machines, one line each."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """In `file`, `before` becomes `after`; `before` stands there once."""

    file: str
    before: str
    after: str

    @property
    def name(self) -> str:
        """Give what a report calls it."""
        line = next(text for text in self.before.splitlines() if text.strip())
        return f"{self.file}: {line.strip()}  →  {' '.join(self.after.split())}"


def _of(file: str, *changes: tuple[str, str]) -> list[Mutant]:
    return [Mutant(file, before, after) for before, after in changes]


MUTANTS = [
    *_of(
        "protocol/subscriber.py",
        ("if self.epoch is not None and message.epoch < self.epoch:", "if False:"),
        ("if is_rival and is_starting:", "if False:"),
        ("        elif is_rival:\n", "        elif False:\n"),
        ("            self._heard_seq = message.seq\n", "            pass\n"),
        ("        self.holding.undo()\n", ""),
        ("        return name in self._syncing.repair\n", "        return False\n"),
        (
            "            self.news.reach(position.seq)\n",
            "            self.news.reach(10**9)\n",
        ),
        ("if held.equals(summary):", "if True:"),
        (
            "        self._buffer.clear()\n        self.news.turn(epoch)\n        self._distrust",
            "        self._distrust",
        ),
        (
            "        self._missing = None\n        self._buffer.clear()\n        self.news",
            "        self.news",
        ),
        ("        self._heard_seq = NO_SEQ\n        self._missing", "        self._missing"),
        (
            "self._missing = _Missing(position.seq + 1, now + grace)",
            "self._missing = _Missing(position.seq + 1, now)",
        ),
        (
            "        grace = options.gap_grace if len(self._buffer) else options.heartbeat_grace",
            "        grace = 0.0",
        ),
        ("(delta.epoch, delta.seq) <= self.position", "(delta.epoch, delta.seq) < self.position"),
        ("if self._missing is not None and now >= self._missing.due:", "if False:"),
        ("if self.holding.lacking or (follower", "if (follower"),
        ("follower is not None and not follower.pull and self", "follower is not None and self"),
        (" and self.holding.can_apply(follower):", ":"),
        ("if reply.incarnation != self.incarnation or reply.epoch", "if reply.epoch"),
        ("if reply.epoch > (self.epoch or 0):", "if False:"),
        ("elif pull.is_complete:", "elif True:"),
        ("if self.position is not None and pull.position < self.position:", "if False:"),
        ("wrong = self.holding.wrong_tables(pull)", "wrong: set[str] = set()"),
        (
            "        self.holding.held_from = self.incarnation\n        return [",
            "        return [",
        ),
        ("return is_epoch and self.holding.held_from == self.incarnation", "return is_epoch"),
        ("self.position is not None and self.position <= (epoch, heartbeat.seq)", "True"),
        ("is_same = is_further and self.holding.is_same(heartbeat)", "is_same = is_further"),
        ("if heartbeat.full and is_news:", "if False:"),
        ("find_run(pull.position.seq, position.seq)", "find_run(position.seq, position.seq)"),
        ("have = position if self.is_led_on else None", "have = position"),
        ("repair = self._distrust.due(now) & self.holding.wanted", "repair: set[str] = set()"),
        ("            self._turn_to(reply.epoch, reply.incarnation)\n", "            pass\n"),
    ),
    *_of(
        "protocol/source_news.py",
        (
            "is_old = max_age is not None and (source_age is None or source_age > max_age)",
            "is_old = False",
        ),
        (" or self.unrenewed > self._options.lease_time", ""),
        (
            "stale=held.read_position is not None or is_doubtful or is_old",
            "stale=True",
        ),
        (
            "is_silent = since_word is None or since_word > self._options.stale_after",
            "is_silent = False",
        ),
        ("            self._unrenewed = message.epoch, message.unrenewed\n", "            pass\n"),
    ),
    *_of(
        "protocol/syncing.py",
        ("return self._deadline is not None and request == self._request", "return True"),
        ("return self._deadline is not None and now >= self._deadline", "return False"),
        ("return self._retry_at is not None and now >= self._retry_at", "return False"),
        ("        self._request += 1\n", ""),
        ("        if not self.awaits(reply.request):\n            return True\n", ""),
        ("and index != expected", "and False"),
    ),
    *_of(
        "protocol/backoff.py",
        ("bound = min(self._longest, ", "bound = min(4 * self._longest, 4 * "),
    ),
    *_of(
        "protocol/delta_buffer.py",
        ("if other <= seq]", "if other < seq]"),
        ("range(after + 1, last + 1)", "range(after + 2, last + 1)"),
    ),
    *_of(
        "protocol/held_table.py",
        ("        if change.replace:\n            net", "        if False:\n            net"),
        ("            self.read_position = left\n", "            pass\n"),
        ("return self.said == summary.state and self.content", "return self.content"),
        ("        self.content.schema_version = schema_version\n", ""),
        ("return change.schema_version == self.content.schema_version", "return True"),
        ("return stays and not (change.added or change.removed)", "return True"),
        ("            self.said = self.state = state\n", "            self.said = state\n"),
        ("            self.content.rows -= net.added\n", ""),
        ("            self.content.rows |= net.removed\n", ""),
        (
            "        self.content.sum, self.content.schema_version = kept.",
            "        _ = kept.",
        ),
        ("        self.said, self.state = kept.states\n", ""),
    ),
    *_of(
        "protocol/holding.py",
        (
            "content.net_of(pull.removed[name], pull.added[name])",
            "content.net_of(set(), pull.added[name])",
        ),
        ("            del self.tables[name]\n", "            pass\n"),
        ("            if not is_unread and not held.equals(summary):", "            if False:"),
        (
            "net = held.distrust() if name in given_up else self._install(held, pull)",
            "net = self._install(held, pull)",
        ),
        ("            held.keep()\n", ""),
        ("            held.undo()\n", "            pass\n"),
        ("            self.tables.pop(name, None)\n", "            pass\n"),
        ("        self.position = self._position_before\n", ""),
        ("        self.held_from = self._held_from_before\n", ""),
    ),
    *_of(
        "protocol/publisher.py",
        ("if self.seq == NO_SEQ or self._is_below(request", "if self._is_below(request"),
        ("have.epoch != self._me.epoch or have.seq", "have.seq"),
        ("return have.seq if self._log.covers(have.seq, self.seq) else None", "return have.seq"),
        ("if is_behind or self._log", "if self._log"),
        ("if view is None or not self._log.covers(view.seq, self.seq):", "if view is None:"),
        (
            "if self.seq == NO_SEQ or self._is_below(request.floor, self.seq):",
            "if self.seq == NO_SEQ:",
        ),
        (
            "is_pure = not net and len(full) == len(request.held) + len(request.add)",
            "is_pure = not net",
        ),
        ("full = not starting and now >= self._full_due", "full = False"),
        ("pull = size_bytes > self._options.max_inline_bytes", "pull = False"),
        (
            "self.seq = Seq(1)\n",
            (
                "self.seq = Seq(1)\n        for each in self._tables.values():\n            "
                "each.state = TableState(StateKind.READY)\n"
            ),
        ),
    ),
    *_of(
        "protocol/published_table.py",
        ("leaves_unread = self.is_unread and rows is not None", "leaves_unread = False"),
        ("state = without_rows(self.state.kind, state)", "rows = frozenset()"),
        ("if state == self.state and not net:", "if not net:"),
        ("if rows is None and not self.has_rows:", "if rows is None and self.is_unread:"),
    ),
    *_of(
        "protocol/pending_reads.py",
        ("return replace(before, state=read.state)", "return read"),
        ("if read.state.kind is StateKind.UNAVAILABLE:", "if False:"),
        ("self._bytes + _size_of(reads) > self._max_bytes", "False"),
        ("(before.added - read.removed) | read.added", "before.added | read.added"),
        ("(before.rows - read.removed) | read.added", "before.rows | read.added"),
    ),
    *_of(
        "protocol/pull_shelf.py",
        ("if not pull.is_done and now - pull.touched <= abandoned_after", "if False"),
        ("pull.is_done |= index ==", "pull.is_done |= index <="),
        ("            pull.is_done = True\n", "            pass\n"),
        (
            "        if len(views) < self._kept:\n            return True\n",
            "        return True\n",
        ),
    ),
    *_of(
        "protocol/piece_cut.py",
        ("        start, before, is_first = stop,", "        start, before, is_first = stop + 1,"),
        ("                if not is_first:\n", "                if False:\n"),
    ),
    *_of(
        "protocol/transaction_log.py",
        ("dict.fromkeys(change.added, True)", "dict.fromkeys(change.added, False)"),
        ("self._first <= after + 1 <= last", "self._first <= after + 2 <= last + 1"),
        ("if self.size_bytes > self._max_bytes:", "if False:"),
        ("free = pinned is None or self._first <= pinned", "free = True"),
        ("name: None if name in replaced else _net_of(words)", "name: _net_of(words)"),
        ("skip = max(0, after + 1 - self._first)", "skip = max(0, after + 2 - self._first)"),
    ),
    *_of(
        "protocol/table.py",
        ("(removed & self.rows) - added", "removed & self.rows"),
        ("frozenset(added - self.rows)", "frozenset(added)"),
        (
            "(self.sum - digest_of(net.removed) + digest_of(net.added))",
            "(self.sum + digest_of(net.added))",
        ),
        (
            "NetChange(frozenset(self.rows - rows), frozenset(rows - self.rows))",
            "NetChange(frozenset(), frozenset(rows - self.rows))",
        ),
    ),
    *_of(
        "protocol/freshness.py",
        ("if sender is None or beat > sender.highest_beat:", "if True:"),
        ("return offset - self.smallest()", "return 0.0"),
        ("return now - max(0.0, now - sent - sender.smallest())", "return now"),
        ("sender.highest_beat = beat", "pass"),
    ),
    *_of(
        "protocol/lease.py",
        ("return [watch.generation, watch.renewals]", "return None"),
        (
            "        if self._state is not LeaseState.YIELDING:  # there",
            "        if True:  # there",
        ),
        ('"heard_epoch": self._heard,', '"heard_epoch": 0,'),
        ("if generation < self._heard or generation <= used:", "if False:"),
        ('if answer["granted"] and heard >= self._generation:', "if False:"),
        (
            '        self._seek(now)\n        return [Lost("a renewal',
            '        return [Lost("a renewal',
        ),
        ("if self._state is not LeaseState.HELD or epoch < self._generation:", "if True:"),
    ),
    *_of(
        "protocol/held_age.py",
        ("while self._words and self._words[0].seq <= seq:", "while self._words:"),
        ("self._hold(self._words.pop(0))", "self._words.pop(0)"),
        ("        self._words.clear()\n", ""),
        ("        self._reads.take(read_at)\n", "        pass\n"),
    ),
    *_of("protocol/read_times.py", ("None if age is None else at - age", "at")),
    *_of(
        "protocol/heard_epochs.py",
        ("return other if incarnation == besides else epoch", "return epoch"),
    ),
    *_of(
        "node/stream_publisher.py",
        ("reason)\n        self._machine = None\n", "reason)\n"),
        ("machine.unrenewed = self._lease.unrenewed(now)", "pass"),
    ),
]
"""All of them; their order is that of the files."""

HARMLESS = {
    "protocol/subscriber.py: if reply.incarnation != self.incarnation or reply.epoch"
    "  →  if reply.epoch": (
        "A request goes to one incarnation, and turning to another gives its number up: an answer "
        "of another incarnation has a number that is not waited for. The line is a second lock."
    ),
    "protocol/subscriber.py: have = position if self.is_led_on else None  →  have = position": (
        "A publisher leads on from a position of its own epoch only. Where another incarnation "
        "published that epoch too, what it gives has another digest than it promises, and is "
        "asked for again, or it is right."
    ),
    "protocol/held_table.py: return stays and not (change.added or change.removed)"
    "  →  return True": (
        "A publisher sends no rows of a table that it has unread, but with `replace`; its own "
        "tests and the simulation's check of each transaction hold it to that."
    ),
}
"""Mutants that break no promise, by name, each with the argument."""
