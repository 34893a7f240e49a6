"""A stream with its lease (docs/protocol.md sections 3 and 6), its calls answered by hand."""

from __future__ import annotations

import itertools
import threading

from congress_dist.clock import new_random
from congress_dist.node.stream_publisher import StreamPublisher, StreamSpec, StreamTools
from congress_dist.protocol.lease import LeaseCall
from congress_dist.protocol.messages import Delta, Heartbeat, SyncNotYet, SyncRequest
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.published_table import Published, TableResult
from congress_dist.protocol.stream import READY, Epoch, Position, Seq
from congress_dist.rate_limit import RateLimit
from congress_dist.row import encode_row
from congress_dist.testing.fake_clock import FakeClock


class Process:
    """A process that publishes a stream of one table; what it sends and calls is kept."""

    is_busy = False

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.calls: list[LeaseCall] = []
        self.sent: list[Delta | Heartbeat] = []
        self.sent_bytes = 0
        tools = StreamTools(
            node_id="n",
            incarnation="n/1",
            options=DseOptions(),
            clock=self.clock,
            rng=new_random(1),
            beats=itertools.count(1),
            outbox=self,
            call=lambda _stream, call: self.calls.append(call),
            callback=lambda job: job(),
            wants=dict,
            due=lambda _job, _due: None,
            log_limit=RateLimit(self.clock),
        )
        tables = {"servers": Published("v1")}
        spec = StreamSpec("nova", tables, lambda _epoch: None, lambda _reason: None)
        self.stream = StreamPublisher(spec, tools, replaces=None, past=0)

    def put(self, message: Delta | Heartbeat, size_bytes: int) -> bool:
        self.sent.append(message)
        self.sent_bytes += size_bytes
        return True

    def be_granted(self) -> None:
        self.stream.tick()
        (call,) = self.calls
        answer = {"granted": True, "generation": 1, "renewals": 0}
        self.stream.on_lease_answer(call, answer, self.clock.monotonic())

    def newest_heartbeat(self) -> Heartbeat:
        return next(sent for sent in reversed(self.sent) if isinstance(sent, Heartbeat))


def test_heartbeat_that_a_read_sends_tells_of_a_lease_that_is_not_renewed() -> None:
    process = Process()
    process.be_granted()
    assert process.newest_heartbeat().unrenewed == 0.0
    process.clock.advance(30.0)
    process.stream.publish({"servers": TableResult(frozenset({encode_row(("a",))}), READY)})
    assert process.newest_heartbeat().seq == 1
    assert process.newest_heartbeat().unrenewed == 30.0


def test_goodbye_tells_of_a_lease_that_is_not_renewed() -> None:
    process = Process()
    process.be_granted()
    process.clock.advance(30.0)
    process.stream.end()
    assert process.newest_heartbeat().stopping
    assert process.newest_heartbeat().unrenewed == 30.0


def test_sync_above_the_newest_position_tells_of_another_publisher_of_the_epoch() -> None:
    """A lost database grants an epoch twice; who stands further on would wait for ever."""
    process = Process()
    process.be_granted()
    process.stream.publish({"servers": TableResult(frozenset({encode_row(("a",))}), READY)})
    level = SyncRequest("nova", 1, None, {}, ("servers",), Position(Epoch(1), Seq(1)))
    process.stream.answer(level)
    assert process.stream.epoch == 1
    above = SyncRequest("nova", 2, None, {}, ("servers",), Position(Epoch(1), Seq(3)))
    assert isinstance(process.stream.answer(above), SyncNotYet)
    assert process.stream.epoch is None
    process.stream.tick()
    release = process.calls[-1]
    process.stream.on_lease_answer(release, {"released": True}, process.clock.monotonic())
    process.stream.tick()
    assert process.calls[-1].arguments["heard_epoch"] == 1  # so that the next one is above it


# --- what an operator is told -------------------------------------------------------------------


def test_report_tells_lease_position_and_log() -> None:
    process = Process()
    waiting = process.stream.report()
    assert (waiting["state"], waiting["epoch"], waiting["position"]) == ("candidate", None, None)
    process.be_granted()
    read = TableResult(frozenset({encode_row(("a",))}), READY)
    process.stream.publish({"servers": read}, age=3.0)
    process.clock.advance(10.0)
    report = process.stream.report()
    assert (report["state"], report["epoch"], report["position"]) == ("publishing", 1, [1, 1])
    assert (report["tables"], report["rows"], report["log_transactions"]) == (1, 1, 1)
    assert report["read_age"] == 13.0
    assert report["unrenewed"] == 10.0
    assert report["log_seconds"] is None
    assert report.keys() == waiting.keys()
    process.stream.stop()
    assert process.stream.report()["state"] == "stopped"


def test_report_of_a_stream_that_is_worked_on_does_not_wait() -> None:
    process = Process()
    process.be_granted()
    held, done = threading.Event(), threading.Event()

    def work() -> None:
        with process.stream._lock:
            held.set()
            done.wait(20)

    thread = threading.Thread(target=work)
    thread.start()
    assert held.wait(20)
    report = process.stream.report()
    done.set()
    thread.join(20)
    assert (report["state"], report["epoch"], report["position"]) == ("busy", 1, None)
