"""A node of the world that faults befall: `python -m tests.chaos.node_process CONFIG`.

CONFIG is JSON, `Life.config` in member.py. It ends when its input does, so that nothing outlives
who started it. All that it does and sees is in its journal.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import psutil

from congress_dist.clock import SystemClock
from congress_dist.config import load_config, set_up_logging
from congress_dist.datasources.driver import (
    UNCHANGED,
    Column,
    Driver,
    Poll,
    Table,
    TableRead,
    TableSchema,
)
from congress_dist.datasources.service import DatasourceService
from congress_dist.dse_node import DseNode
from congress_dist.errors import CongressError, NotFound
from congress_dist.log_fields import LogFields
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.source_status import SourceStatus
from congress_dist.protocol.stream import Position, Transaction
from congress_dist.row import decode_row
from congress_dist.service import Service
from congress_dist.transports.transport import OsloTransport

from .cloud import COLUMNS, CloudFile, Shape, digest_after, version_of
from .journal import Journal

SAMPLE_SECONDS = 0.2
ASK_SECONDS = 0.5
WATCH_SECONDS = 0.02
CALL_TIMEOUT = 2.0
POLICY = "watch"
POLL_INTERVAL = 1.0
"""Seconds between reads without a change; three of them are the `max_age` of the tables."""

Sample = Callable[[], Mapping[str, tuple[SourceStatus, int | None]]]


def make_driver(shape: Shape, cloud: CloudFile, journal: Journal) -> type[Driver]:
    """Give a driver that reads the cloud."""
    names = shape.table_names()
    texts = (Column(name) for name in COLUMNS[:-1])

    class CloudDriver(Driver):
        name = "chaos_cloud"
        description = "tables that follow from a number"
        tables: ClassVar = dict.fromkeys(names, TableSchema((*texts, Column("stamp", "int"))))
        polls = (Poll("all", tuple(names), POLL_INTERVAL),)
        seen = -1

        def read(self, _poll: str) -> Mapping[str, TableRead]:
            version = cloud.version
            touched = shape.touched_between(self.seen, version)
            every = range(shape.tables)
            chosen = set(every) if self.seen < 0 else touched
            self.seen = version
            journal.write("read", version=version)
            return {
                names[n]: Table(shape.rows_at(n, version)) if n in chosen else UNCHANGED
                for n in every
            }

    return CloudDriver


class Holder(Service):
    """Holds all tables of all sources, and says what it is handed."""

    def __init__(self, name: str, sources: list[str], tables: list[str], journal: Journal) -> None:
        self.name = self.topic = name
        self._tables = tables
        self._journal = journal
        self._copies = {source: Copy(source, journal) for source in sources}

    def start(self, node: DseNode) -> None:
        self._subscriptions = {
            source: node.subscribe(source, self._tables, copy.take)
            for source, copy in self._copies.items()
        }

    def sample(self) -> Mapping[str, tuple[SourceStatus, int | None]]:
        """Give what is known of each source, and the version at its position."""
        found = {}
        for source, subscription in self._subscriptions.items():
            status = subscription.status()
            found[source] = status, self._copies[source].versions.get(status.position)
        return found


class Copy:
    """What was handed over of one source: its digest, and its version at each position."""

    def __init__(self, source: str, journal: Journal) -> None:
        self._source = source
        self._journal = journal
        self._digest = 0
        self._version: int | None = None
        self.versions: dict[Position | None, int | None] = {}

    def take(self, transaction: Transaction) -> None:
        """Take a transaction, as a listener does."""
        for name, change in transaction.tables.items():
            self._digest = digest_after(self._digest, name, change.removed, change.added)
            if name == "t0":
                versions = (version_of(decode_row(row)) for row in change.added)
                self._version = next((v for v in versions if v is not None), self._version)
        epoch, seq = transaction.position
        self.versions[transaction.position] = self._version
        self._journal.write(
            "applied",
            source=self._source,
            epoch=epoch,
            seq=seq,
            version=self._version,
            digest=f"{self._digest:x}",
        )


class Asker:
    """Asks the policy engine again and again what its rules derive."""

    def __init__(self, node: DseNode, sources: list[str], journal: Journal) -> None:
        self._node = node
        self._journal = journal
        self._rules = [rule for source in sources for rule in rules_about(source)]

    def ask(self) -> None:
        """Ask once."""
        began = time.monotonic()
        try:
            seen, torn = (
                self._call("row_list", owner=POLICY, table=table) for table in ("seen", "torn")
            )
        except NotFound:
            self._create()
        except CongressError as error:
            self._journal.write("unanswered", t=began, error=error.code)
        else:
            self._journal.write("answer", t=began, seen=plain(seen), torn=plain(torn))

    def _create(self) -> None:
        try:
            self._call("policy_create", name=POLICY, rules=self._rules, repeat=False)
        except CongressError as error:
            self._journal.write("unanswered", t=time.monotonic(), error=error.message)

    def _call(self, method: str, *, repeat: bool = True, **arguments: Any) -> Any:
        return self._node.call(
            "policy", method, timeout=CALL_TIMEOUT, repeat=repeat, lost_after=1.0, **arguments
        )


def rules_about(source: str) -> list[dict[str, str]]:
    """Give the rules that tell which version the engine has, and whether it has two."""
    first, second = (f'{source}:{table}(id="version", stamp=' for table in ("t0", "t1"))
    return [
        {"rule": f'seen("{source}", v) :- {first}v)'},
        {"rule": f'torn("{source}", v, w) :- {first}v), {second}w), v != w'},
    ]


def plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Give what of an answer is looked at."""
    return {key: answer[key] for key in ("rows", "as_of", "missing")}


class Sampler:
    """Writes down again and again how a node and its sources do."""

    def __init__(
        self,
        node: DseNode,
        *,
        sample: Sample,
        epoch: Callable[[], int | None],
        is_away: Callable[[], bool],
        journal: Journal,
    ) -> None:
        self._node = node
        self._sample = sample
        self._epoch = epoch
        self._is_away = is_away
        self._journal = journal
        self._process = psutil.Process()

    def write(self) -> None:
        """Write it down once."""
        began = time.monotonic()
        for source, (status, version) in self._sample().items():
            self._journal.write(
                "status",
                t=began,
                source=source,
                position=status.position,
                version=version,
                live=status.live,
                stale=any(table.stale for table in status.tables.values()),
                counters=dict(status.counters),
            )
        self._journal.write(
            "node",
            t=began,
            is_alive=self._node.is_alive(),
            wall=time.time() - time.monotonic(),
            publishes=self._epoch(),
            is_away=self._is_away(),
            memory=self._process.memory_info().rss,
            counters=self._node.counters(),
        )


def run_every(seconds: float, work: Callable[[], None], name: str) -> None:
    """Do something again and again, in a thread of its own."""

    def run() -> None:
        pause = threading.Event()
        while not pause.wait(seconds):
            work()

    threading.Thread(target=run, name=name, daemon=True).start()


def watch_cloud(cloud: CloudFile, service: DatasourceService) -> Callable[[], None]:
    """Give what lets a datasource read as soon as there is something new."""
    newest = -1

    def look() -> None:
        nonlocal newest
        version = cloud.version
        if version != newest:
            newest = version
            service.refresh()

    return look


def make_service(
    config: Mapping[str, Any], journal: Journal
) -> tuple[Service, Sample, Callable[[], int | None]]:
    """Give what the node is for, and what tells how its sources do and what it publishes."""
    shape = Shape(*config["shape"])
    if config["role"] == "engine":
        return *make_engine(config["dir"]), lambda: None
    if config["role"] == "subscriber":
        holder = Holder(config["name"], config["sources"], shape.table_names(), journal)
        return holder, holder.sample, lambda: None
    cloud = CloudFile(Path(config["cloud"]))
    datasource = DatasourceService(config["source"], make_driver(shape, cloud, journal), {})
    run_every(WATCH_SECONDS, watch_cloud(cloud, datasource), "watch")
    return datasource, dict, lambda: find_epoch(datasource)


def make_engine(directory: str) -> tuple[Service, Sample]:
    """Give the policy engine, and what tells how its sources do."""
    # Not above: the others start in half the time without it.
    from congress_dist.policy.service import PolicyService
    from congress_dist.policy.store.rule_store import RuleStore

    service = PolicyService("r1", RuleStore(f"sqlite:///{directory}/rules.sqlite"))
    sources = service.replica.sources
    return service, lambda: {name: (status, None) for name, status in sources.statuses().items()}


def find_epoch(datasource: DatasourceService) -> int | None:
    """Give the epoch that it publishes in, None while the stream is not its own."""
    stream = datasource._publisher
    return None if stream is None else stream.epoch


def main() -> None:
    config = json.loads(sys.argv[1])
    journal = Journal(Path(config["journal"]))
    conf = load_config(Path(config["dir"]), dse__transport_url=config["url"])
    set_up_logging(conf, LogFields(node=config["name"], incarnation=config["incarnation"]))
    service, sample, epoch = make_service(config, journal)
    transport = OsloTransport(conf)
    node = DseNode(
        node_id=config["name"],
        incarnation=config["incarnation"],
        services=[service],
        transport=transport,
        options=replace(DseOptions(), **config["options"]),
        clock=SystemClock(),
        replaces=config["replaces"],
    )
    node.start()
    if config["role"] == "subscriber":
        run_every(ASK_SECONDS, Asker(node, config["sources"], journal).ask, "ask")
    sampler = Sampler(
        node,
        sample=sample,
        epoch=epoch,
        is_away=lambda: transport._bus._driver._watch.why_away() is not None,
        journal=journal,
    )
    run_every(SAMPLE_SECONDS, sampler.write, "sample")
    journal.write("ready")
    sys.stdin.read()


if __name__ == "__main__":
    main()
