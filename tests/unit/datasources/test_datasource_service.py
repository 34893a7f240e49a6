"""The service reads a driver in threads and publishes what that means."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, ClassVar

import pytest

from congress_dist.config import load_config
from congress_dist.datasources.driver import (
    Column,
    Driver,
    Option,
    Poll,
    SourceUnavailable,
    Table,
    TableRead,
    TableSchema,
    schema,
)
from congress_dist.datasources.service import DatasourceService, make_service
from congress_dist.errors import (
    Conflict,
    LeaseLost,
    NotFound,
    ServiceUnavailable,
    StartupError,
)
from congress_dist.protocol.published_table import TableResult
from congress_dist.protocol.stream import READY, failing, unavailable
from congress_dist.row import decode_row

WAIT = 10.0  # for what must come; a test that fails waits this long, one that passes does not


class Scripted(Driver):
    """Gives what the test puts into `answers`, read by read; waits for it."""

    name = "scripted"
    description = "rows of a test"
    options = (Option("password", "of the source", secret=True),)
    tables: ClassVar[Mapping[str, TableSchema]] = {
        "servers": schema(Column("name", description="its name"), description="servers"),
        "ports": schema(Column("id", "int", description="its number"), description="ports"),
    }
    polls = (
        Poll("quick", ("servers",), interval=3600.0),
        Poll("slow", ("ports",), interval=7200.0, low_priority=True),
    )
    made: ClassVar[queue.SimpleQueue[Scripted]] = queue.SimpleQueue()

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self.answers: dict[str, queue.SimpleQueue[Any]] = {
            poll.name: queue.SimpleQueue() for poll in self.polls
        }
        self.closed = threading.Event()
        self.is_stubborn = False
        self.made.put(self)

    def read(self, poll: str) -> Mapping[str, TableRead]:
        answer = self.answers[poll].get()
        if isinstance(answer, Exception) and not isinstance(answer, SourceUnavailable):
            raise answer
        if callable(answer):
            answer = answer()
        return {table: answer for each in self.polls if each.name == poll for table in each.tables}

    def close(self) -> None:
        self.closed.set()
        for answers in () if self.is_stubborn else self.answers.values():
            answers.put(SourceUnavailable("closed"))


class RecordingPublisher:
    """Keeps what is published, instead of numbering and sending it."""

    def __init__(self) -> None:
        self.published: queue.SimpleQueue[Mapping[str, TableResult]] = queue.SimpleQueue()
        self.error: Exception | None = None
        self.stopped = threading.Event()

    def publish(self, reads: Mapping[str, TableResult], *, age: float = 0.0) -> None:  # noqa: ARG002
        if self.error:
            raise self.error
        self.published.put(reads)

    def stop(self) -> None:
        self.stopped.set()


class FakeNode:
    """Grants leases when the test says so and answers the registration as scripted."""

    incarnation = "inc-1"

    def __init__(self) -> None:
        self.publisher = RecordingPublisher()
        self.answers: list[Exception] = []
        self.calls: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def publish_stream(
        self,
        name: str,
        schemas: Mapping[str, TableSchema],
        *,
        max_age: Mapping[str, float | None],
        slow: Collection[str],
        on_granted: Callable[[int], None],
        on_lost: Callable[[str], None],
    ) -> RecordingPublisher:
        self.name, self.schemas, self.max_age, self.slow = name, schemas, max_age, slow
        self.grant, self.lose = on_granted, on_lost
        return self.publisher

    def call(self, topic: str, method: str, **arguments: Any) -> Any:
        self.calls.put({"topic": topic, "method": method, **arguments})
        if self.answers:
            raise self.answers.pop(0)
        return {"revision": 1}


class Running:
    """A started service with its fake node."""

    def __init__(self) -> None:
        self.node = FakeNode()
        self.service = DatasourceService(
            "cloud", Scripted, {"password": "s3cret"}, description="mine", draw=lambda: 0.01
        )
        self.service.start(self.node)  # type: ignore[arg-type]
        self.driver = Scripted.made.get(timeout=WAIT)  # the one that checks the configuration

    def grant(self, epoch: int = 1) -> None:
        """Let the service own the stream, and wait until it begins to read."""
        self.node.grant(epoch)
        self.driver = Scripted.made.get(timeout=WAIT)

    def answer(self, poll: str, answer: Any) -> Mapping[str, TableResult]:
        """Let a read of this poll give `answer`, and wait for what is published."""
        self.driver.answers[poll].put(answer)
        return self.published()

    def published(self) -> Mapping[str, TableResult]:
        return self.node.publisher.published.get(timeout=WAIT)

    def begin(self) -> list[Mapping[str, TableResult]]:
        """Grant the lease and let the first round give a row for each table."""
        self.grant()
        return [self.answer("quick", Table([("web",)])), self.answer("slow", Table([(80,)]))]

    def stop(self) -> None:
        """Stop the service; a read that still waits for its answer gets one."""
        self.driver.close()
        self.service.stop()


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


def rows_of(result: TableResult) -> set[tuple[Any, ...]]:
    return {decode_row(row) for row in result.rows or ()}


def test_the_stream_is_asked_for_with_schemas_and_three_intervals(running: Running) -> None:
    node = running.node
    assert (node.name, node.schemas) == ("cloud", Scripted.tables)
    assert node.max_age == {"servers": 10_800.0, "ports": 21_600.0}
    assert node.slow == {"ports"}


def test_nothing_is_read_before_the_lease_is_granted(running: Running) -> None:
    assert Scripted.made.empty()
    assert running.service.describe()["turn"] == "waiting"


def test_it_registers_before_it_reads_and_sends_no_secret(running: Running) -> None:
    running.grant(7)
    call = running.node.calls.get(timeout=WAIT)
    schemas = {table: each.to_wire() for table, each in Scripted.tables.items()}
    assert call == {
        "topic": "policy",
        "method": "datasource_register",
        "timeout": 3.0,
        "lost_after": 1.5,
        "repeat": True,
        "name": "cloud",
        "driver": "scripted",
        "description": "mine",
        "config": {"password": "<hidden>"},
        "schemas": schemas,
        "owner": "inc-1",
        "generation": 7,
    }


def test_registering_is_repeated_until_it_is_answered(running: Running) -> None:
    running.node.answers = [ServiceUnavailable("nobody"), ServiceUnavailable("nobody")]
    assert len(running.begin()) == 2
    assert running.node.calls.qsize() == 3


def test_a_refused_registration_is_told_and_reads_nothing(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.node.answers = [Conflict("another driver has this name")]
    running.node.grant(1)
    running.node.calls.get(timeout=WAIT)
    running.service.stop()
    assert "another driver has this name" in caplog.text
    assert running.node.publisher.published.empty()


def test_the_first_round_publishes_every_poll(running: Running) -> None:
    first, second = running.begin()
    assert (rows_of(first["servers"]), first["servers"].state) == ({("web",)}, READY)
    assert (rows_of(second["ports"]), second["ports"].state) == ({(80,)}, READY)


def test_a_read_that_raises_keeps_the_rows_and_says_why(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.begin()
    for _ in range(3):
        running.service.refresh("quick")
        failed = running.answer("quick", OSError("boom"))
        assert failed == {"servers": TableResult(None, failing("OSError: boom"))}
    running.service.refresh("quick")
    assert running.answer("quick", Table([("web",)]))["servers"].state == READY
    running.service.stop()
    assert caplog.text.count("tables cannot be read") == 1


def test_a_table_that_the_source_lacks_is_unavailable(running: Running) -> None:
    running.begin()
    running.service.refresh("quick")
    gone = running.answer("quick", SourceUnavailable("no dpkg here"))
    assert gone == {"servers": TableResult(None, unavailable("no dpkg here"))}


def test_a_bad_row_fails_its_table_by_name(running: Running) -> None:
    running.begin()
    running.service.refresh("slow")
    reason = "table 'ports', row 2, column 'id': 'x' is not int, never null"
    bad = running.answer("slow", Table([(80,), ("x",)]))
    assert bad == {"ports": TableResult(None, failing(reason))}


def test_a_poll_that_hangs_does_not_hold_up_another(running: Running) -> None:
    running.grant()
    quick = running.answer("quick", Table([("web",)]))
    assert set(quick) == {"servers"}
    polls = {poll["name"]: poll["doing"] for poll in running.service.describe()["polls"]}
    assert polls == {"quick": "idle", "slow": "reading"}


def test_low_priority_reads_are_niced_and_others_are_not(running: Running) -> None:
    nices: dict[str, int] = {}

    def note(poll: str) -> Callable[[], Table]:
        def answer() -> Table:
            nices[poll] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            return Table([])

        return answer

    running.begin()
    running.service.refresh()
    running.answer("quick", note("quick"))
    running.answer("slow", note("slow"))
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert nices == {"quick": mine, "slow": max(10, mine)}


def test_losing_the_lease_ends_reading_and_a_grant_begins_with_a_new_driver(
    running: Running,
) -> None:
    running.begin()
    first = running.driver
    running.node.lose("another incarnation owns it")
    assert first.closed.wait(WAIT)
    running.grant(2)
    assert rows_of(running.answer("quick", Table([("db",)]))["servers"]) == {("db",)}


def test_a_read_of_a_former_turn_does_not_count_in_the_next_one(running: Running) -> None:
    running.grant(1)
    former = running.driver
    former.is_stubborn = True
    running.answer("quick", Table([("web",)]))  # "slow" is being read
    running.node.lose("another incarnation owns it")
    running.grant(2)
    former.answers["slow"].put(Table([(1,)]))
    former.answers["quick"].put(Table([]))
    running.answer("quick", Table([("web",)]))
    assert rows_of(running.answer("slow", Table([(2,)]))["ports"]) == {(2,)}


def test_a_grant_without_a_loss_before_it_begins_anew_too(running: Running) -> None:
    running.begin()
    first = running.driver
    running.grant(2)
    assert first.closed.is_set()


def test_a_publisher_that_lost_its_lease_ends_reading(running: Running) -> None:
    running.begin()
    running.node.publisher.error = LeaseLost("epoch 2 was heard")
    running.service.refresh("quick")
    running.driver.answers["quick"].put(Table([("db",)]))
    assert running.driver.closed.wait(WAIT)


def test_stop_closes_the_driver_and_gives_the_stream_back_twice_harmless(
    running: Running,
) -> None:
    running.begin()
    running.service.stop()
    running.service.stop()
    assert running.driver.closed.is_set()
    assert running.node.publisher.stopped.is_set()


def test_refresh_of_an_unknown_poll_names_a_near_one(running: Running) -> None:
    with pytest.raises(NotFound, match="no poll 'quik', did you mean 'quick'"):
        running.service.refresh("quik")
    assert running.service.refresh() == {"polls": ["quick", "slow"]}


def test_describe_tells_polls_and_tables_without_secrets(running: Running) -> None:
    running.begin()
    described = running.service.methods()["describe"]()
    assert "s3cret" not in repr(described)
    assert described["turn"] == "polling"
    assert described["tables"]["ports"] == ["ready", "", ""]
    quick = described["polls"][0]
    assert (quick["reads"], quick["failures"], quick["doing"]) == (1, 0, "idle")
    assert 0 < quick["next_in"] <= 3600


def test_a_driver_that_cannot_be_made_stops_the_start() -> None:
    class Broken(Scripted):
        def __init__(self, config: Mapping[str, Any]) -> None:  # noqa: ARG002
            raise ValueError("no such cloud")

    service = DatasourceService("cloud", Broken, {})
    with pytest.raises(StartupError, match="driver 'scripted' cannot be made: ValueError: no suc"):
        service.start(FakeNode())  # type: ignore[arg-type]
    service.stop()


def test_a_section_of_the_configuration_makes_a_service(tmp_path: Any) -> None:
    file = tmp_path / "test.conf"
    file.write_text(
        "[datasource:people]\ndriver = host_accounts\npasswd = /p\n[datasource:x]\ndriver = y\n"
    )
    conf = load_config(tmp_path, file)
    service = make_service(conf, "people")
    assert service.name == service.topic == "people"
    assert service.describe()["driver"] == "host_accounts"
    assert service.describe()["config"]["passwd"] == "/p"
    with pytest.raises(
        StartupError, match="datasource 'x': there is no driver 'y'; known: host_accounts, "
    ):
        make_service(conf, "x")
    assert make_service(conf, "host_accounts").describe()["driver"] == "host_accounts"
