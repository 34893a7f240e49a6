"""Several nodes in one process, over the memory transport, with a clock that the test moves."""

from __future__ import annotations

import collections
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from congress_dist.clock import SystemClock
from congress_dist.dse_node import DseNode, StreamPublisher, Subscription, TableResult
from congress_dist.errors import (
    DeadlineExceeded,
    InternalError,
    InvalidRequest,
    LeaseLost,
    NotFound,
    ServiceUnavailable,
    UnreadableMessage,
)
from congress_dist.protocol.codec import decode, encode
from congress_dist.protocol.messages import Heartbeat
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.stream import READY, Epoch, Seq, StateKind, Transaction
from congress_dist.row import Row, encode_row
from congress_dist.schema import schema
from congress_dist.service import Method, Service
from congress_dist.testing.fake_clock import FakeClock
from congress_dist.testing.memory_transport import Faults, MemoryBus, MemoryTransport

OPTIONS = replace(DseOptions(), sync_timeout=0.5, lease_call_timeout=0.5)
PATIENCE = 20.0


def rows_of(*names: str) -> frozenset[Row]:
    return frozenset(encode_row((name,)) for name in names)


class Net:
    """A bus, a clock, and the nodes on them."""

    def __init__(self) -> None:
        self.bus = MemoryBus(seed=3)
        self.clock = FakeClock()
        self.nodes: dict[str, DseNode] = {}
        self.transports: list[MemoryTransport] = []
        self._numbers = itertools.count(1)

    def node(self, name: str, *services: Service, replaces: str | None = None) -> DseNode:
        """Start a node; under a name that is taken it is that process's successor."""
        place = f"{name}-{next(self._numbers)}"
        transport = MemoryTransport(self.bus, place)
        self.transports.append(transport)
        node = self.nodes[name] = DseNode(
            node_id=name,
            incarnation=place,
            services=services,
            transport=transport,
            options=OPTIONS,
            clock=self.clock,
            replaces=replaces,
        )
        node.start()
        return node

    def kill(self, node: DseNode) -> None:
        """Cut a node off at once, as kill -9 does."""
        self.bus.kill(node.incarnation)
        self.bus.take_away(node.incarnation)

    def until(self, condition: Callable[[], object]) -> None:
        """Let time pass until something is so."""
        real = SystemClock()
        end = real.monotonic() + PATIENCE
        pause = threading.Event()
        while not condition():
            assert real.monotonic() < end, "it did not come about"
            self.pass_time(0.05)
            pause.wait(0.002)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for node in self.nodes.values():
            node.wake()

    def stop(self) -> None:
        for node in self.nodes.values():
            node.stop()
        for transport in self.transports:
            transport.stop()
        self.bus.stop()


class PolicyStandIn(Service):
    """Serves leases as the policy service does, from memory."""

    name = "policy@r1"
    topic = "policy"

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def methods(self) -> Mapping[str, Method]:
        return {
            "lease_acquire": self.acquire,
            "lease_renew": self.renew,
            "lease_release": self.release,
        }

    def acquire(
        self,
        name: str,
        owner: str,
        replaces: str | None,
        heard_epoch: int,
        expected: list[int] | None,
    ) -> dict[str, Any]:
        with self._lock:
            row = self.rows.setdefault(name, {"owner": None, "generation": 0, "renewals": 0})
            is_free = row["owner"] in (None, owner, replaces)
            granted = is_free or expected == [row["generation"], row["renewals"]]
            if granted and row["owner"] != owner:
                generation = max(row["generation"], heard_epoch) + 1
                row.update(owner=owner, generation=generation, renewals=0)
            return {"granted": granted, **row}

    def renew(self, name: str, owner: str, generation: int) -> dict[str, Any]:
        with self._lock:
            row = self.rows[name]
            is_ours = (row["owner"], row["generation"]) == (owner, generation)
            row["renewals"] += is_ours
            return {"granted": is_ours}

    def release(self, name: str, owner: str, generation: int) -> dict[str, Any]:
        with self._lock:
            row = self.rows[name]
            is_ours = (row["owner"], row["generation"]) == (owner, generation)
            if is_ours:
                row["owner"] = None
            return {"released": is_ours}


class Source(Service):
    """Publishes what the test tells it."""

    stream: StreamPublisher

    def __init__(self, name: str, *tables: str) -> None:
        self.name = self.topic = name
        self.tables = tables or ("servers", "ports")
        self.granted: list[Epoch] = []
        self.lost: list[str] = []

    def start(self, node: DseNode) -> None:
        self.stream = node.publish_stream(
            self.name,
            {table: schema("name") for table in self.tables},
            max_age=dict.fromkeys(self.tables, 6.0),
            on_granted=self.granted.append,
            on_lost=self.lost.append,
        )

    def publish(self, **tables: frozenset[Row]) -> None:
        self.stream.publish({name: TableResult(rows, READY) for name, rows in tables.items()})


class Mirror:
    """A listener that keeps the rows."""

    def __init__(self) -> None:
        self.rows: dict[str, set[Row]] = {}
        self.transactions: list[Transaction] = []
        self.failures_left = 0
        self.removed: set[Row] = set()

    def __call__(self, transaction: Transaction) -> None:
        if self.failures_left > 0:
            self.failures_left -= 1
            raise ValueError("this listener fails")
        self.transactions.append(transaction)
        for name, change in transaction.tables.items():
            rows = self.rows.setdefault(name, set())
            assert change.removed <= rows
            assert not change.added & rows
            self.removed |= change.removed
            rows -= change.removed
            rows |= change.added

    def has(self, table: str, *names: str) -> bool:
        return self.rows.get(table) == rows_of(*names)


@pytest.fixture
def net() -> Iterator[Net]:
    net = Net()
    yield net
    net.stop()


def publishing(net: Net, name: str = "nova") -> Source:
    """Start a policy stand-in and a source that owns its stream and has published once."""
    if "policy" not in net.nodes:
        net.node("policy", PolicyStandIn())
    source = Source(name)
    net.node(name, source)
    net.until(lambda: source.granted)
    source.publish(servers=rows_of("vm1"), ports=rows_of("p1"))
    return source


# --- streams ------------------------------------------------------------------------------------


def test_published_rows_reach_a_subscriber(net: Net) -> None:
    source = publishing(net)
    mirror = Mirror()
    net.node("api").subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    source.publish(servers=rows_of("vm1", "vm2"))
    net.until(lambda: mirror.has("servers", "vm1", "vm2"))
    assert "ports" not in mirror.rows


def test_two_nodes_publish_and_subscribe_to_each_other(net: Net) -> None:
    nova, neutron = publishing(net, "nova"), publishing(net, "neutron")
    of_neutron, of_nova = Mirror(), Mirror()
    net.nodes["nova"].subscribe("neutron", ["ports"], of_neutron)
    net.nodes["neutron"].subscribe("nova", ["servers"], of_nova)
    nova.publish(servers=rows_of("vm7"))
    neutron.publish(ports=rows_of("p7"))
    net.until(lambda: of_neutron.has("ports", "p7") and of_nova.has("servers", "vm7"))


def test_services_of_one_node_may_share_a_source(net: Net) -> None:
    publishing(net)
    first, second = Mirror(), Mirror()
    api = net.node("api")
    api.subscribe("nova", ["servers"], first)
    net.until(lambda: first.has("servers", "vm1"))
    api.subscribe("nova", ["servers", "ports"], second)
    net.until(lambda: second.has("servers", "vm1") and second.has("ports", "p1"))
    assert "ports" not in first.rows


def test_subscribing_again_adds_tables(net: Net) -> None:
    publishing(net)
    mirror = Mirror()
    api = net.node("api")
    subscription = api.subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    assert api.subscribe("nova", ["ports"], mirror) is subscription
    net.until(lambda: mirror.has("ports", "p1"))
    assert set(subscription.status().tables) == {"servers", "ports"}


def test_tables_added_by_many_threads_at_once_are_all_kept(net: Net) -> None:
    tables = [f"table{number}" for number in range(24)]
    api, mirror = net.node("api"), Mirror()
    subscription = api.subscribe("nova", [], mirror)
    begin = threading.Barrier(len(tables))

    def add(table: str) -> None:
        begin.wait(PATIENCE)
        api.subscribe("nova", [table], mirror)

    threads = [threading.Thread(target=add, args=(table,)) for table in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert subscription.tables == set(tables)


def test_stopped_subscription_hears_nothing_more(net: Net) -> None:
    source = publishing(net)
    stopped, other = Mirror(), Mirror()
    api = net.node("api")
    subscription = api.subscribe("nova", ["servers"], stopped)
    net.until(lambda: stopped.has("servers", "vm1"))
    subscription.stop()
    api.subscribe("nova", ["servers"], other)
    source.publish(servers=rows_of("vm2"))
    net.until(lambda: other.has("servers", "vm2"))
    assert stopped.has("servers", "vm1")


def test_lost_messages_are_noticed_and_made_good(net: Net) -> None:
    source = publishing(net)
    mirror = Mirror()
    subscription = net.node("api").subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    net.bus.set_faults(Faults(loss=1.0))
    source.publish(servers=rows_of("vm2"))
    net.pass_time(0.5)
    net.bus.set_faults(Faults())
    net.until(lambda: mirror.has("servers", "vm2"))
    assert subscription.status().live


def test_faulty_bus_delays_and_does_not_falsify(net: Net) -> None:
    source = publishing(net)
    mirror = Mirror()
    net.node("api").subscribe("nova", ["servers", "ports"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    net.bus.set_faults(Faults(loss=0.2, duplication=0.3, reorder=0.3, reorder_delay=0.005))
    for number in range(50):
        source.publish(servers=rows_of(f"vm{number}"), ports=rows_of(f"p{number}"))
        net.pass_time(0.05)
    net.bus.set_faults(Faults())
    net.until(lambda: mirror.has("servers", "vm49"))
    for transaction in mirror.transactions[1:]:
        assert set(transaction.tables) in (set(), {"servers", "ports"})


def test_table_that_needs_many_pieces_arrives_whole(net: Net) -> None:
    source = publishing(net)
    many = frozenset(encode_row((f"server-{i:06}" * 10,)) for i in range(10_000))
    mirror = Mirror()
    net.node("api").subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    source.publish(servers=many)
    net.until(lambda: mirror.rows["servers"] == many)
    assert len(mirror.transactions) == 2


# --- restarts -----------------------------------------------------------------------------------


def test_killed_publisher_loses_no_row_and_its_successor_goes_on(net: Net) -> None:
    publishing(net)
    mirror = Mirror()
    subscription = net.node("api").subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    killed = net.nodes["nova"]
    net.kill(killed)
    net.until(lambda: subscription.status().tables["servers"].stale)
    successor = Source("nova")
    net.node("nova", successor, replaces=killed.incarnation)
    net.until(lambda: successor.granted)
    assert successor.granted == [2]
    net.until(lambda: subscription.status().position == (1, 1))
    successor.publish(servers=rows_of("vm1"), ports=rows_of("p1"))
    net.until(lambda: subscription.status().position == (2, 1))
    net.until(lambda: not subscription.status().tables["servers"].stale)
    assert not mirror.removed
    killed.stop()


def test_restart_without_changes_transfers_nothing(net: Net) -> None:
    publishing(net)
    mirror = Mirror()
    subscription = net.node("api").subscribe("nova", ["servers", "ports"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    net.nodes["nova"].stop()
    publishing(net)
    net.until(lambda: subscription.status().position == (2, 1) and len(mirror.transactions) > 1)
    assert [set(t.tables) for t in mirror.transactions[1:]] == [set()]


def test_table_that_is_slow_after_a_restart_keeps_its_rows(net: Net) -> None:
    publishing(net)
    mirror = Mirror()
    subscription = net.node("api").subscribe("nova", ["servers", "ports"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    net.nodes["nova"].stop()
    successor = Source("nova")
    net.node("nova", successor)
    net.until(lambda: successor.granted)
    successor.publish(ports=rows_of("p1"))
    net.until(lambda: subscription.status().position == (2, 1))
    assert mirror.has("servers", "vm1")
    assert subscription.status().tables["servers"].stale
    successor.publish(servers=rows_of("vm1", "vm2"))
    net.until(lambda: mirror.has("servers", "vm1", "vm2"))
    assert not mirror.removed


def test_candidate_takes_over_from_a_silent_owner(net: Net) -> None:
    publishing(net)
    net.kill(net.nodes["nova"])
    dead = net.nodes.pop("nova")
    candidate = Source("nova")
    net.node("nova", candidate)
    net.until(lambda: candidate.granted)
    assert candidate.granted == [2]
    dead.stop()


def test_owner_that_was_replaced_stops_publishing(net: Net) -> None:
    old = publishing(net)
    incarnation = net.nodes["nova"].incarnation
    first = net.nodes.pop("nova")
    net.nodes["first"] = first
    new = Source("nova")
    net.node("nova", new, replaces=incarnation)
    net.until(lambda: new.granted and old.lost)
    with pytest.raises(LeaseLost, match="nova"):
        old.publish(servers=rows_of("vm9"))


def test_stop_gives_the_lease_back(net: Net) -> None:
    policy = PolicyStandIn()
    net.node("policy", policy)
    publishing(net)
    net.nodes["nova"].stop()
    assert policy.rows["nova"]["owner"] is None


def test_stream_that_its_service_stops_gives_the_lease_back_too(net: Net) -> None:
    policy = PolicyStandIn()
    net.node("policy", policy)
    source = publishing(net)
    source.stop = source.stream.stop  # type: ignore[method-assign]
    net.nodes["nova"].stop()
    assert policy.rows["nova"]["owner"] is None
    with pytest.raises(LeaseLost):
        source.publish(servers=rows_of("vm2"))


def test_stream_that_is_published_again_begins_a_higher_epoch(net: Net) -> None:
    source, mirror = publishing(net), Mirror()
    net.node("api").subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    source.stream.stop()
    source.start(net.nodes["nova"])
    net.until(lambda: source.granted == [1, 2])
    source.publish(servers=rows_of("vm2"), ports=rows_of("p1"))
    net.until(lambda: mirror.has("servers", "vm2"))


# --- any order of start -------------------------------------------------------------------------


def test_source_that_starts_before_the_policy_service_waits_for_it(net: Net) -> None:
    source = Source("nova")
    node = net.node("nova", source)
    begin = net.clock.monotonic()
    net.until(lambda: net.clock.monotonic() > begin + 10.0)
    assert not source.granted
    net.until(node.is_alive)
    with pytest.raises(LeaseLost):
        source.publish(servers=rows_of("vm1"))
    net.node("policy", PolicyStandIn())
    net.until(lambda: source.granted == [1])


def test_subscriber_that_starts_first_waits_for_the_source(net: Net) -> None:
    mirror = Mirror()
    subscription = net.node("api").subscribe("nova", ["servers"], mirror)
    assert kind_of(subscription, "servers") is StateKind.UNREAD
    net.until(lambda: kind_of(subscription, "servers") is StateKind.UNAVAILABLE)
    assert subscription.status().tables["servers"].state.reason == "no publisher"
    publishing(net)
    net.until(lambda: mirror.has("servers", "vm1"))
    assert kind_of(subscription, "servers") is StateKind.READY


def test_owner_goes_on_while_the_policy_service_is_away(net: Net) -> None:
    source = publishing(net)
    mirror = Mirror()
    subscription = net.node("api").subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    net.kill(net.nodes["policy"])
    net.until(lambda: subscription.status().unrenewed > OPTIONS.lease_time)
    source.publish(servers=rows_of("vm2"))
    net.until(lambda: mirror.has("servers", "vm2"))
    assert subscription.status().tables["servers"].stale
    assert not source.lost


# --- what goes wrong ----------------------------------------------------------------------------


def test_listener_that_raises_is_told_again_and_misses_nothing(net: Net) -> None:
    source = publishing(net)
    failing, other = Mirror(), Mirror()
    api = net.node("api")
    subscription = api.subscribe("nova", ["servers"], failing)
    api.subscribe("nova", ["servers"], other)
    net.until(lambda: failing.has("servers", "vm1"))
    failing.failures_left = 3
    source.publish(servers=rows_of("vm2"))
    source.publish(servers=rows_of("vm2", "vm3"))
    net.until(lambda: other.has("servers", "vm2", "vm3"))
    net.until(lambda: failing.has("servers", "vm2", "vm3"))
    assert subscription.status().counters["listener_failed"] == 3
    net.until(api.is_alive)


def test_poison_is_dropped_and_counted(net: Net) -> None:
    source = publishing(net)
    mirror = Mirror()
    api = net.node("api", Observing())
    api.subscribe("nova", ["servers"], mirror)
    stranger = MemoryTransport(net.bus, "stranger")
    net.transports.append(stranger)
    for payload in (b"", b"\x00" * 50, b"C\x09\x00", b"C\x01\x00\x92\xa6gossip\x80"):
        stranger.publish("stream.nova", payload)
        stranger.publish("heartbeats", payload)
    source.publish(servers=rows_of("vm2"))
    net.until(lambda: mirror.has("servers", "vm2"))
    counters = api.counters()
    assert counters["unreadable_malformed"] == 4
    assert counters["unreadable_newer_version"] == 2
    assert counters["unreadable_unknown_type"] == 2
    net.until(api.is_alive)


def test_what_a_sync_brought_is_counted_at_who_asked(net: Net) -> None:
    publishing(net)
    mirror = Mirror()
    subscription = net.node("api").subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    counters = subscription.status().counters
    assert (counters["sync"], counters["synced"], counters["snapshot"]) == (1, 1, 1)
    assert counters["sync_bytes"] > 0
    assert "replay" not in counters


def test_stream_that_a_message_breaks_is_synced_anew(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = publishing(net)
    mirror = Mirror()
    subscription = net.node("api").subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    machine = subscription._feed._machine

    def breaks(*_: Any) -> Any:
        monkeypatch.undo()
        raise RuntimeError("a fault in the machine")

    monkeypatch.setattr(machine, "on_message", breaks)
    source.publish(servers=rows_of("vm2"))
    net.until(lambda: mirror.has("servers", "vm2"))
    assert subscription.status().counters["poison"] == 1
    net.until(net.nodes["api"].is_alive)


def test_bus_that_is_away_at_the_start_is_joined_later(net: Net) -> None:
    net.bus.take_away("api-1")
    mirror = Mirror()
    api = net.node("api")
    assert api.incarnation == "api-1"
    api.subscribe("nova", ["servers"], mirror)
    net.bus.give_back("api-1")
    publishing(net)
    net.until(lambda: mirror.has("servers", "vm1"))


# --- calls --------------------------------------------------------------------------------------


class Observing(Service):
    """Asks who is on the bus."""

    name = "observer@one"
    topic = "observer"
    observes_nodes = True


class Answering(Service):
    """Methods for the tests of calls."""

    name = "answers@one"
    topic = "answers"

    def __init__(self) -> None:
        self.times = 0

    def methods(self) -> Mapping[str, Method]:
        return {
            "echo": lambda **arguments: arguments,
            "count": self.count,
            "refuse": self.refuse,
            "break": self.break_down,
            "unsendable": object,
        }

    def count(self) -> int:
        self.times += 1
        return self.times

    def refuse(self) -> None:
        raise NotFound("policy 'p' does not exist", policy="p")

    def break_down(self) -> None:
        raise ValueError("secret")


@pytest.fixture
def caller(net: Net) -> DseNode:
    net.node("answers", Answering())
    return net.node("caller")


def test_call_gives_plain_values(caller: DseNode) -> None:
    given = {"a": None, "b": [1, 2.5, True, "x"], "c": b"bytes", "d": {"e": []}}
    assert caller.call("answers", "echo", **given) == given


def test_call_reaches_the_server_that_it_names(caller: DseNode) -> None:
    assert caller.call("answers", "echo", server="one", x=1) == {"x": 1}
    with pytest.raises(ServiceUnavailable):
        caller.call("answers", "echo", server="two", x=1)


def test_error_of_a_method_reaches_the_caller_typed(caller: DseNode) -> None:
    with pytest.raises(NotFound, match="policy 'p'") as caught:
        caller.call("answers", "refuse")
    assert caught.value.fields == {"policy": "p"}


def test_fault_of_a_method_is_internal_and_not_told(caller: DseNode) -> None:
    with pytest.raises(InternalError) as caught:
        caller.call("answers", "break")
    assert "secret" not in str(caught.value)
    with pytest.raises(InternalError):
        caller.call("answers", "unsendable")


def test_unknown_method_is_not_found(caller: DseNode) -> None:
    with pytest.raises(NotFound, match="'fly'"):
        caller.call("answers", "fly")


def test_argument_that_cannot_be_sent_is_refused(caller: DseNode) -> None:
    with pytest.raises(InvalidRequest):
        caller.call("answers", "echo", x=object())


def test_nobody_there_is_said_at_once(net: Net) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        net.node("caller").call("nobody", "echo")
    assert caught.value.fields["outcome"] == "not_written"


def test_call_that_is_safe_to_repeat_is_repeated(net: Net) -> None:
    caller = net.node("caller")
    started = threading.Thread(target=lambda: net.node("answers", Answering()))
    original = caller._transport.call

    def call(*arguments: Any, **keywords: Any) -> bytes:
        try:
            return original(*arguments, **keywords)
        finally:
            if not started.ident:
                started.start()
                started.join()

    caller._transport.call = call  # type: ignore[method-assign]
    assert caller.call("answers", "count", repeat=True) == 1


def test_call_that_is_not_safe_to_repeat_is_tried_once(net: Net, caller: DseNode) -> None:
    net.kill(net.nodes["answers"])
    with pytest.raises(ServiceUnavailable):
        caller.call("answers", "count")


def test_call_without_time_left_is_not_made(caller: DseNode) -> None:
    with pytest.raises(DeadlineExceeded):
        caller.call("answers", "count", timeout=0.0)
    assert caller.call("answers", "count") == 1


# --- presence -----------------------------------------------------------------------------------


def test_heartbeats_tell_who_is_there_and_what_is_wanted(net: Net) -> None:
    publishing(net)
    api = net.node("api", Answering())
    api.subscribe("nova", ["servers"], Mirror())
    observer = net.node("observer", Observing())

    def wanted() -> bool:
        return any(peer.wants.get("nova") == ("servers",) for peer in observer.peers())

    net.until(wanted)
    everybody = {"nova", "policy@r1", "answers@one"}
    net.until(lambda: {peer.service for peer in observer.peers()} >= everybody)
    assert observer.heard_epoch("nova") == 1


def test_who_does_not_observe_nodes_hears_none(net: Net) -> None:
    publishing(net)
    heard = net.node("observer", Observing())
    net.until(lambda: heard.peers())
    assert net.nodes["nova"].peers() == []


def test_two_live_processes_of_one_node_id_are_an_alarm(
    net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    net.node("api", Observing())
    first = net.node("twin", Answering())
    net.nodes["first"] = first
    net.node("twin", Answering())
    net.until(lambda: "two live processes" in caplog.text)


def test_stop_is_idempotent_and_ends_every_thread(net: Net) -> None:
    before = threading.active_count()
    node = net.node("nova", Source("nova"))
    node.subscribe("neutron", ["ports"], Mirror())
    assert threading.active_count() > before
    node.stop()
    node.stop()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("dse-")]
    assert not node.is_alive()


def test_idle_loop_waits_for_the_next_deadline(net: Net) -> None:
    node = net.node("nova", Answering())
    net.until(lambda: node._loop.timetable.next_due - net.clock.monotonic() >= 0.7)


def kind_of(subscription: Subscription, table: str) -> StateKind:
    return subscription.status().tables[table].state.kind


# --- what waits for what ------------------------------------------------------------------------


def test_source_that_is_busy_holds_up_no_other_source(net: Net) -> None:
    nova, neutron = publishing(net, "nova"), publishing(net, "neutron")
    of_nova, of_neutron = Mirror(), Mirror()
    api = net.node("api")
    subscription = api.subscribe("nova", ["servers"], of_nova)
    api.subscribe("neutron", ["ports"], of_neutron)
    net.until(lambda: of_nova.has("servers", "vm1") and of_neutron.has("ports", "p1"))
    with subscription._feed._lock:  # as while a large table of it is installed
        nova.publish(servers=rows_of("vm2"))
        for number in range(5):  # the first ones may come in before those of nova
            neutron.publish(ports=rows_of(f"p2{number}"))
            net.until(partial(of_neutron.has, "ports", f"p2{number}"))
        assert of_nova.has("servers", "vm1")
    net.until(lambda: of_nova.has("servers", "vm2"))
    assert subscription.status().counters.get("gap", 0) == 0


def test_stream_that_is_busy_stops_no_heartbeat_of_another(net: Net) -> None:
    net.node("policy", PolicyStandIn())
    nova, neutron = Source("nova"), Source("neutron")
    net.node("datasources", nova, neutron)
    net.until(lambda: nova.granted and neutron.granted)
    heard = HeartbeatCount()
    transport = net.transports[0]
    listener = transport.listen("heartbeats", "test", lambda payload: heard.take(payload))
    with nova.stream._lock:  # as while a large read of it is published
        heard.beats.clear()
        net.until(lambda: heard.beats["neutron"] >= 5)
        assert heard.beats["nova"] <= 1
    net.until(lambda: heard.beats["nova"] >= 3)
    listener.stop()


class HeartbeatCount:
    """Counts heartbeats by service."""

    def __init__(self) -> None:
        self.beats: collections.Counter[str] = collections.Counter()

    def take(self, payload: bytes) -> None:
        message = decode(payload)
        assert isinstance(message, Heartbeat)
        self.beats[message.service] += 1


class SlowRelease(PolicyStandIn):
    """Answers a release when so many are waited for at the same time, or at the end."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._missing = count
        self.end = threading.Event()

    def release(self, name: str, owner: str, generation: int) -> dict[str, Any]:
        with self._lock:
            self._missing -= 1
            if self._missing == 0:
                self.end.set()
        self.end.wait(PATIENCE)
        return super().release(name, owner, generation)


def test_leases_are_given_back_at_the_same_time(net: Net) -> None:
    policy = SlowRelease(6)
    net.node("policy", policy)
    sources = [Source(f"nova{number}") for number in range(6)]
    node = net.node("datasources", *sources)
    net.until(lambda: all(source.granted for source in sources))
    node.stop()
    assert {row["owner"] for row in policy.rows.values()} == {None}


def test_nothing_is_heard_of_a_service_after_its_goodbye(net: Net) -> None:
    policy = SlowRelease(2)
    net.node("policy", policy)
    source = Source("nova")
    node = net.node("datasources", source, Answering())
    net.until(lambda: source.granted)
    said: list[tuple[str, bool]] = []

    def note(payload: bytes) -> None:
        message = decode(payload)
        assert isinstance(message, Heartbeat)
        said.append((message.service, message.stopping))

    net.transports[0].listen("heartbeats", "test", note)
    leaving = threading.Thread(target=node.stop)
    leaving.start()
    names = {service.name for service in node.services}
    net.until(lambda: {name for name, is_stopping in said if is_stopping} == names)
    for _ in range(50):
        net.pass_time(0.5)
    policy.end.set()
    leaving.join(PATIENCE)
    last = {name: is_stopping for name, is_stopping in said if name in names}
    assert all(last.values())
    assert sum(is_stopping for _, is_stopping in said) == len(names)


def test_calls_that_cannot_be_read_are_counted_and_logged_once(
    net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    node = net.node("nova", Answering())
    transport = net.transports[0]
    for payload in (b"secret", b"secret", b"C\x01\x00secret"):
        for topic in ("node", Answering.topic):
            with pytest.raises(UnreadableMessage):
                transport.call(topic, payload, timeout=PATIENCE)
    assert node.counters()["unreadable_malformed"] == 6
    assert caplog.text.count("a message was dropped") == 1
    assert "secret" not in caplog.text


def test_newer_wire_version_is_an_alarm(net: Net, caplog: pytest.LogCaptureFixture) -> None:
    node = net.node("nova", Answering())
    with pytest.raises(UnreadableMessage):
        net.transports[0].call("node", b"C\x09\x00", timeout=PATIENCE, server=node.incarnation)
    assert node.counters()["unreadable_newer_version"] == 1
    (record,) = [line for line in caplog.records if "was dropped" in line.getMessage()]
    assert record.levelname == "ERROR"


def test_message_of_another_source_is_not_taken(net: Net) -> None:
    publishing(net)
    api = net.node("api")
    subscription = api.subscribe("nova", ["servers"], Mirror())
    stranger = Heartbeat("nova", "n", "twin", 1, 0.0, Epoch(9), Seq(1), full=True)
    api.subscribe("neutron", ["ports"], Mirror())
    net.transports[0].publish("stream.neutron", encode(stranger))
    net.until(lambda: api.counters().get("unexpected"))
    assert api.heard_epoch("nova") < 9
    assert subscription.source == "nova"


def test_lease_is_renewed_while_a_large_read_is_published(net: Net) -> None:
    policy = PolicyStandIn()
    net.node("policy", policy)
    source = Source("nova")
    net.node("nova", source)
    net.until(lambda: source.granted)
    with source.stream._lock:  # as while a large read is published
        before = policy.rows["nova"]["renewals"]
        net.until(lambda: policy.rows["nova"]["renewals"] >= before + 3)
    assert not source.lost


# --- what operators are told --------------------------------------------------------------------


class Watcher(Service):
    """Observes who is on the bus."""

    name, topic, observes_nodes = "watcher@w1", "watcher", True


class Mute(Service):
    """Publishes nothing and answers nothing."""

    name = topic = "api"


def reported(nodes: list[dict[str, Any]], node: str) -> dict[str, Any]:
    """Give the one report of a node."""
    (found,) = [report for report in nodes if report["node"] == node]
    return found


def answered(net: Net, node: DseNode) -> dict[str, dict[str, Any]]:
    """Ask until all nodes are known, with the clock running on while they are asked."""
    found: dict[str, dict[str, Any]] = {}

    def is_complete() -> bool:
        found.update({report["node"]: report for report in node.nodes(timeout=5.0)})
        return found.keys() >= net.nodes.keys()

    net.until(is_complete)
    return found


def test_every_node_tells_how_it_does(net: Net) -> None:
    source = publishing(net)
    mirror = Mirror()
    net.node("api", Mute()).subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    source.publish(servers=rows_of("vm1", "vm2"))
    net.until(lambda: mirror.has("servers", "vm1", "vm2"))
    nodes = answered(net, net.node("watcher", Watcher()))
    assert {report["state"] for report in nodes.values()} == {"alive"}
    (stream,) = nodes["nova"]["streams"]
    assert (stream["stream"], stream["state"]) == ("nova", "publishing")
    assert (stream["position"], stream["tables"], stream["rows"]) == ([1, 2], 2, 3)
    assert stream["counters"]["snapshots"] == 1
    (held,) = nodes["api"]["sources"]
    assert (held["source"], held["state"], held["why"]) == ("nova", "live", "")
    assert held["position"] == held["handed_over"] == [1, 2]
    assert (held["lag"], held["rows"], held["tables"]) == (0, 2, ["servers"])
    assert held["counters"]["snapshot"] == 1
    assert held["counters"]["sync_bytes"] == stream["counters"]["sync_bytes"] > 0
    assert nodes["nova"]["traffic"]["sent_bytes"] > 0
    assert nodes["nova"]["queues"]["outbox"]["dropped"] == 0


def test_calls_are_told_by_method_and_outcome(net: Net) -> None:
    publishing(net)
    node = net.nodes["nova"]
    with pytest.raises(NotFound):
        node.call("policy", "no_such_method")
    made = {(c["method"], c["outcome"]): sum(c["counts"]) for c in node.status()["calls"]["made"]}
    assert made["lease_acquire", "ok"] == 1
    assert made["no_such_method", "not_found"] == 1
    served = net.nodes["policy"].status()["calls"]["served"]
    assert ("unknown", "not_found") in {(call["method"], call["outcome"]) for call in served}


def test_node_that_does_not_answer_is_told_of_as_silent(net: Net) -> None:
    publishing(net)
    mirror = Mirror()
    net.node("api", Mute()).subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    watcher = net.node("watcher", Watcher())
    net.nodes["nova"].serve_metrics_at("http://127.0.0.1:9710/metrics")
    answered(net, watcher)
    net.kill(net.nodes["nova"])
    net.kill(net.nodes["api"])
    for _ in range(60):
        net.pass_time(1.0)
    nodes = watcher.nodes(timeout=0.2)
    silent = reported(nodes, "api")
    assert silent["state"] == "silent"
    assert silent["heard_age"] > 50
    assert [(s["source"], s["state"]) for s in silent["sources"]] == [("nova", "silent")]
    lost = reported(nodes, "nova")
    assert lost["streams"][0]["position"] == [1, 1]
    assert lost["metrics"] == "http://127.0.0.1:9710/metrics"
    net.until(lambda: reported(watcher.nodes(timeout=5.0), "policy")["state"] == "alive")


def test_node_that_answers_and_is_not_heard_is_suspect(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing(net)
    watcher = net.node("watcher", Watcher())
    answered(net, watcher)
    monkeypatch.setattr(net.nodes["nova"]._outbox, "put", lambda *_: True)
    net.until(lambda: reported(watcher.nodes(timeout=5.0), "nova")["state"] == "suspect")
    suspect = reported(watcher.nodes(timeout=5.0), "nova")
    assert "it answers, but was last heard" in suspect["why"]
    assert suspect["streams"][0]["state"] == "publishing"
    net.until(lambda: reported(watcher.nodes(timeout=5.0), "policy")["state"] == "alive")


@pytest.mark.parametrize(
    "wrong",
    [
        {"streams": None},
        {"sources": [{"source": "nova"}]},
        {"metrics": "file:///etc/passwd"},
        {"services": [1]},
    ],
    ids=str,
)
def test_report_that_cannot_be_read_hides_no_other(
    net: Net, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    publishing(net)
    watcher = net.node("watcher", Watcher())
    answered(net, watcher)
    nova = net.nodes["nova"]
    monkeypatch.setattr(nova._report, "make", lambda: {**watcher.status(), **wrong})
    nodes = watcher.nodes(timeout=5.0)
    assert reported(nodes, "policy")["state"] == "alive"
    assert "report cannot be read" in reported(nodes, "nova")["why"]


def test_who_cannot_be_asked_in_time_is_told_of_too(net: Net) -> None:
    publishing(net)
    watcher = net.node("watcher", Watcher())
    answered(net, watcher)
    nodes = {report["node"]: report for report in watcher.nodes(timeout=0.0)}
    assert nodes["watcher"]["state"] == "alive"
    assert nodes["nova"]["state"] == "silent"
    assert "too many" in nodes["nova"]["why"]


def test_subscriber_of_a_silent_publisher_is_stale_and_says_why(net: Net) -> None:
    publishing(net)
    mirror = Mirror()
    api = net.node("api")
    api.subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    net.kill(net.nodes["nova"])
    net.until(lambda: api.status()["sources"][0]["state"] == "stale")
    assert "nothing was heard" in api.status()["sources"][0]["why"]


def test_gap_shows_in_what_a_subscriber_tells(net: Net) -> None:
    source = publishing(net)
    mirror = Mirror()
    api = net.node("api")
    api.subscribe("nova", ["servers"], mirror)
    net.until(lambda: mirror.has("servers", "vm1"))
    net.bus.set_faults(Faults(loss=1.0))
    publisher = net.nodes["nova"]
    before = publisher.status()["traffic"]["sent"]
    source.publish(servers=rows_of("vm2"))
    net.until(lambda: publisher.status()["traffic"]["sent"] > before)
    net.bus.set_faults(Faults())
    net.until(lambda: mirror.has("servers", "vm2"))
    counters = api.status()["sources"][0]["counters"]
    assert counters["gap"] == 1
    assert counters["replay"] == 1
