"""Writing to the rule database: validate at the newest revision, swap; on a lost race again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from congress_dist.clock import new_incarnation, new_random
from congress_dist.errors import StoreUnavailable

from .replica import Replica, State
from .store.database import is_busy
from .store.keys import IdempotencyKey, hash_body
from .store.operations import Operation
from .store.rule_store import Draft, Fence, RevisionMoved, RuleStore

LOG = logging.getLogger(__name__)

_RACES = 100
"""Races that one write may lose; of 8 writers each wins one in 8, so none loses them all."""
_BUSY_WAITS = 3
"""Times that a write waits for a database that somebody else holds, a second each."""
_LONGEST_PAUSE = 0.05
_TURN_TIMEOUT = 10.0
_ANYBODY = "anonymous"


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """Who asks for what; a repetition with the same `key` is answered as the first was."""

    method: str
    path: str
    body: dict[str, Any]
    key: str | None = None
    who: str = _ANYBODY

    def idempotency_key(self) -> IdempotencyKey | None:
        """Give the key under which the answer is kept, if the request has one."""
        if self.key is None:
            return None
        body = hash_body(self.body)
        return IdempotencyKey(self.who, self.method, self.path, self.key, body)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request comes to at one revision: operations, and the answer without revision."""

    answer: dict[str, Any]
    operations: tuple[Operation, ...] = ()
    fence: Fence | None = field(default=None)


class RuleWriter:
    """Turns requests into revisions; thread safe.

    Promises: a request that is refused has left no trace in the database or in memory. One
        revision per request, and it was valid at the revision before it.
    """

    def __init__(self, replica: Replica, store: RuleStore) -> None:
        self._replica = replica
        self._store = store
        self._random = new_random()
        self._turn = threading.Lock()
        self._pause = threading.Event()

    def write(self, request: WriteRequest, plan: Callable[[State], Plan]) -> dict[str, Any]:
        """Carry out a request; give its answer with the revision that it made or that holds.

        Raises: StoreUnavailable: with `outcome`; what `plan` raises: nothing was written.
        """
        with self._own_turn():
            return self._write(request, plan)

    def _write(self, request: WriteRequest, plan: Callable[[State], Plan]) -> dict[str, Any]:
        key = request.idempotency_key()
        request_id = new_incarnation()
        races = waits = 0
        while True:
            self._replica.follow()
            earlier = None if key is None else self._store.find_answer(key)
            if earlier is not None:
                return earlier
            draft = self._draft(request, plan, request_id)
            if not draft.operations:
                return {**draft.answer, "revision": draft.after.revision}
            try:
                change = self._store.commit(draft)
            except RevisionMoved:
                races += 1
                if races == _RACES:
                    raise _too_many_races() from None
                self._pause.wait(self._random.uniform(0, min(_LONGEST_PAUSE, 0.001 * 2**races)))
            except StoreUnavailable as error:
                waits += 1
                if waits == _BUSY_WAITS or not is_busy(error):
                    raise
            else:
                self._replica.take_over(change)
                LOG.info("revision written revision=%d by=%s", change.revision, request.method)
                return {**draft.answer, "revision": change.revision}

    def _draft(
        self, request: WriteRequest, plan: Callable[[State], Plan], request_id: str
    ) -> Draft:
        with self._replica.trial() as state:
            made = plan(state)
            return Draft(
                operations=made.operations,
                after=state.catalog.head,
                who=request.who,
                request_id=request_id,
                answer=made.answer,
                key=request.idempotency_key(),
                fence=made.fence,
            )

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        """Let this process's writers go one after the other: they would only lose races."""
        if not self._turn.acquire(timeout=_TURN_TIMEOUT):
            raise StoreUnavailable(
                f"other writes have kept the rule database busy for {_TURN_TIMEOUT:g} s; nothing "
                "was changed; repeat the request later",
                outcome="not_written",
            )
        try:
            yield
        finally:
            self._turn.release()


def _too_many_races() -> StoreUnavailable:
    return StoreUnavailable(
        f"{_RACES} other changes were committed while this one was validated; nothing was "
        "changed; repeat the request later",
        outcome="not_written",
    )
