"""A replica: the program at the newest revision, the tables it uses, and what follows from both.

Threads: calls come in on the bus's threads, transactions on the node's delivery thread; one thread
of the replica follows the rule database and keeps the subscriptions. Ordering of locks:
`_following` before `_lock`; neither is held while the node is called.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from congress_dist.errors import CongressError, InternalError, StoreUnavailable
from congress_dist.node.call_deadline import find_seconds_left
from congress_dist.protocol.stream import StateKind, Transaction

from .base_tables import BaseTables
from .carry_out import carry_out
from .catalog import Catalog
from .engine import Engine
from .planner.normal_form import TableKey
from .sources import Sources
from .store.changes import Change
from .store.operations import Operation
from .store.records import Head
from .store.rule_store import RuleStore
from .transactions import within

if TYPE_CHECKING:
    from congress_dist.dse_node import DseNode

LOG = logging.getLogger(__name__)

_FOLLOW_INTERVAL = 1.0


@dataclass(frozen=True, slots=True)
class State:
    """What an answer is computed from; valid while the lock is held that came with it."""

    engine: Engine
    catalog: Catalog
    tables: BaseTables


class Replica:
    """One evaluation of the whole program; thread safe.

    Promises: between two calls of `state` everything belongs to one revision and to one position
        of each source. A change is visible as a whole or not at all. When one fails half way,
        nothing is answered any more and `give_up` is called: only a new start helps.
    """

    def __init__(self, store: RuleStore, give_up: Callable[[], None]) -> None:
        self._store = store
        self._give_up = give_up
        self._following = threading.Lock()
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._engine = Engine()
        self._catalog = Catalog()
        self._tables = BaseTables(self._engine)
        self._asked: set[TableKey] = set()
        self._ready = False
        self._broken: str | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.sources = Sources(self.apply)

    def start(self, node: DseNode) -> None:
        """Load the program, subscribe to what it uses, and go on following."""
        self.sources.start(node)
        self.tick()
        self._thread = threading.Thread(target=self._run, name="policy-replica", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following and receiving; idempotent."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self.sources.stop()

    @contextmanager
    def state(self) -> Iterator[State]:
        """Hold the present state for the time of one answer.

        Raises: InternalError: a change could not be carried out, so there is no valid state.
        """
        with self._lock:
            if self._broken is not None:
                raise InternalError(f"this replica cannot answer any more: {self._broken}")
            yield State(self._engine, self._catalog, self._tables)

    @contextmanager
    def trial(self) -> Iterator[State]:
        """Hold the present state for trying a change, which the body takes back.

        Raises: CongressError: as the body. DeadlineExceeded: who called waits no longer.
            InternalError: it ended otherwise, so nobody knows what it left behind.
        """
        with (
            self._guarded("the trial of a change", CongressError),
            self.state() as state,
            _as_long_as_the_caller_waits(),
        ):
            yield state

    def follow(self) -> None:
        """Bring the program to the newest revision.

        Raises: StoreUnavailable: the rule database cannot be read; the program is as it was.
        """
        with self._following:
            while (head := self._store.head()) != self._catalog.head:
                known = self._catalog.head
                changes = self._store.changes_after(known.revision)
                if not changes or changes[0].previous_hash != known.hash:
                    self._reload(known, head)
                for change in changes:
                    self._advance(change)

    def take_over(self, change: Change) -> None:
        """Apply a change that this process has just committed, or all up to it."""
        with self._following:
            if change.previous_hash == self._catalog.head.hash:
                self._advance(change)
                return
        self.follow()

    def apply(self, transaction: Transaction) -> None:
        """Bring one source's tables to the next position; called on the node's delivery thread."""
        if self._brings_unknown_schema(transaction):
            self._follow_if_possible()
        with self._lock:
            self._tables.apply(transaction)
            self._changed.notify_all()
        if not self._ready:
            self._wake.set()

    def tick(self) -> None:
        """Do what is due: follow the rule database, subscribe to tables, see who answers."""
        self._follow_if_possible()
        for source, tables in self._wanted_by_source().items():
            self.sources.want(source, tables)
        self._see_who_answers()

    def ask_for(self, table: TableKey, timeout: float) -> None:
        """Want a table although no rule uses it, and wait until it is there or known not to be.

        Promises: returns after `timeout` at the latest; the table may still be missing then.
        """
        source, name = table
        with self._lock:
            self._asked.add(table)
            self._tables.want([table])
        self._wake.set()
        with self._changed:
            self._changed.wait_for(lambda: self._is_settled(source, name), timeout)

    def awaited(self) -> dict[str, str]:
        """Give the sources without which no answer is given yet, with reasons; empty: ready."""
        if self._ready:
            return {}
        awaited = {}
        for source, tables in self._wanted_by_source().items():
            status = self.sources.status(source)
            absent = all(
                name in status.tables and status.tables[name].state.kind is StateKind.UNAVAILABLE
                for name in tables
            )
            if tables and not status.live and not absent:
                awaited[source] = f"waiting for the stream of source {source!r}"
        return awaited

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(_FOLLOW_INTERVAL)
            self._wake.clear()
            try:
                self.tick()
            except Exception:
                LOG.exception("replica could not do what was due; it goes on")

    def _follow_if_possible(self) -> None:
        try:
            self.follow()
        except StoreUnavailable as error:
            LOG.warning("rule database not followed, answers go on error=%s", error)

    def _reload(self, known: Head, head: Head) -> None:
        if known.revision:
            LOG.error(
                "rule database has another history, everything is loaded again "
                "revision=%d found=%d",
                known.revision,
                head.revision,
            )
        snapshot = self._store.snapshot()
        self._carry_out(self._catalog.difference(snapshot), snapshot.head)

    def _advance(self, change: Change) -> None:
        # A reload may have gone beyond the changes that were read before it.
        if change.revision > self._catalog.head.revision:
            self._carry_out(change.operations, Head(change.revision, change.hash))

    def _carry_out(self, operations: tuple[Operation, ...], head: Head) -> None:
        with self._guarded(f"revision {head.revision}"):
            carry_out(operations, self._catalog, self._engine, self._tables)
            self._catalog.head = head
            self._want_tables()
            self._changed.notify_all()
        self._wake.set()

    def _want_tables(self) -> None:
        with self.state() as state:
            for source, tables in self._wanted_in(state).items():
                state.tables.want((source, table) for table in tables)

    def _wanted_by_source(self) -> dict[str, set[str]]:
        with self.state() as state:
            return self._wanted_in(state)

    def _wanted_in(self, state: State) -> dict[str, set[str]]:
        wanted: dict[str, set[str]] = {}
        for datasource in state.catalog.datasources():
            asked = {table for source, table in self._asked if source == datasource.name}
            used = state.catalog.dependencies.read_by_rules(datasource.name) | asked
            wanted[datasource.name] = used & state.catalog.schemas(datasource).keys()
        return wanted

    def _see_who_answers(self) -> None:
        statuses = {source: self.sources.status(source) for source in self._wanted_by_source()}
        with self._lock:
            for source, status in statuses.items():
                self._tables.explain(source, status)
            self._changed.notify_all()
        if not self._ready and not self.awaited():
            self._ready = True
            LOG.info("replica is ready revision=%d", self._catalog.head.revision)

    def _brings_unknown_schema(self, transaction: Transaction) -> bool:
        with self._lock:
            return not self._tables.fits(transaction)

    def _is_settled(self, source: str, table: str) -> bool:
        return self._tables.is_settled((source, table)) or self._stopping.is_set()

    @contextmanager
    def _guarded(self, what: str, *harmless: type[Exception]) -> Iterator[None]:
        """Hold the lock for a change; one that fails half way leaves nothing to answer from."""
        with self._lock:
            try:
                yield
            except harmless:
                raise
            except Exception as error:
                self._broken = f"{what} could not be carried out: {error}"
                LOG.exception("replica is broken, this process stops what=%s", what)
                self._give_up()
                raise InternalError(self._broken) from error


def _as_long_as_the_caller_waits() -> AbstractContextManager[None]:
    seconds = find_seconds_left()
    return nullcontext() if seconds is None else within(seconds)
