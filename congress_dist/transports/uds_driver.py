"""The `uds://` driver of oslo.messaging: processes of one machine and one user, without a server.

URL: `uds:///absolute/directory`. Calls, casts and fanout behave as oslo.messaging describes; what
differs from a broker: a call to a server that is not there, or that dies, fails at once; and what
is sent while nobody listens is nowhere kept. Notifications are not carried.

Two threads may meet here: any that sends, and the driver's loop, which receives for all listeners
and connections of a transport.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from oslo_messaging import exceptions
from oslo_messaging._drivers import base, common

from ..clock import Clock, SystemClock
from ..config_options import UDS_GROUP, UDS_OPTIONS
from .driver_errors import BusAway, NotDelivered, PeerLost
from .frames import Frame, FrameError, encode_frame
from .selector_loop import SelectorLoop
from .uds_caller import Caller, PendingCall
from .uds_connection import Connection, ConnectionClosed, ConnectionLimits, QueueFull
from .uds_directory import Address, BusDirectory, topic_name
from .uds_listener import Arrival, ListenerLimits, UdsReceiver

Failure = tuple[type[BaseException], BaseException, TracebackType]


class UdsIncoming(base.RpcIncomingMessage):  # type: ignore[misc]
    """A message on its way to an endpoint."""

    def __init__(self, receiver: UdsReceiver, arrival: Arrival, clock: Clock) -> None:
        super().__init__(arrival.context, arrival.message, arrival.call_id)
        self.client_timeout = arrival.monitor_timeout
        self._receiver = receiver
        self._arrival = arrival
        self._clock = clock

    def acknowledge(self) -> None:
        """Count the message as taken up; tell the endpoint how long it had to wait for that."""
        self._receiver.handled(self._arrival)
        waited = self._clock.monotonic() - self._arrival.arrived
        self.ctxt = {**self._arrival.context, "queued_seconds": waited}

    def requeue(self) -> None:
        """Refuse: `require_features` says that this driver cannot."""
        raise NotImplementedError("the uds driver does not requeue")

    def reply(self, reply: Any = None, failure: Failure | None = None) -> None:
        """Send the answer or the exception to the caller."""
        if self._arrival.call_id is None:
            return
        text = common.serialize_remote_exception(failure) if failure else None
        try:
            self._answer([Frame.REPLY, self._arrival.call_id, reply, text])
        except (FrameError, TypeError) as error:
            text = common.serialize_remote_exception((type(error), error, error.__traceback__))
            self._answer([Frame.REPLY, self._arrival.call_id, None, text])

    def heartbeat(self) -> None:
        """Tell the caller that the call is still being worked on."""
        if self._arrival.call_id is not None:
            self._answer([Frame.HEARTBEAT, self._arrival.call_id])

    def _answer(self, items: list[Any]) -> None:
        self._receiver.answer(self._arrival, items)


class UdsListener(base.Listener):  # type: ignore[misc]
    """One subscription of an RPC server."""

    def __init__(self, receiver: UdsReceiver, clock: Clock) -> None:
        super().__init__(1, None)
        self._receiver = receiver
        self._clock = clock

    def start(self, on_incoming_callback: Callable[[list[UdsIncoming]], None]) -> None:
        """Hand what arrives to the callback."""
        super().start(on_incoming_callback)
        self._receiver.start(
            lambda arrival: on_incoming_callback(
                [UdsIncoming(self._receiver, arrival, self._clock)]
            )
        )

    def stop(self) -> None:
        """Disappear from the bus; the callback is not called any more."""
        self._receiver.stop()
        super().stop()

    def cleanup(self) -> None:
        """Hang up on all callers, their answers sent."""
        self._receiver.close()


class UdsDriver(base.BaseDriver):  # type: ignore[misc]
    """Sends to, and listens in, one bus directory."""

    def __init__(
        self,
        conf: Any,
        url: Any,
        default_exchange: str | None = None,
        allowed_remote_exmods: list[str] | None = None,
    ) -> None:
        super().__init__(conf, url, default_exchange, allowed_remote_exmods)
        conf.register_opts(UDS_OPTIONS, group=UDS_GROUP)
        options = conf[UDS_GROUP]
        self._limits = ListenerLimits(
            prefetch_count=options.prefetch_count,
            prefetch_bytes=options.prefetch_bytes,
            connection=ConnectionLimits(
                send_queue_bytes=options.send_queue_bytes,
                max_message_bytes=options.max_message_bytes,
            ),
        )
        self._clock = SystemClock()
        self._directory = BusDirectory(Path("/") / (url.virtual_host or ""))
        self._loop = SelectorLoop("uds-bus")
        self._lock = threading.Lock()
        self._callers: dict[Address, Caller] = {}
        self._receivers: list[UdsReceiver] = []
        self._turn = itertools.count()
        self._call_ids = itertools.count(1)
        self._dropped: Counter[str] = Counter()
        self._count_lock = threading.Lock()

    def counters(self) -> Mapping[str, int]:
        """Give how many messages were dropped since the start, by cause."""
        with self._count_lock:
            return dict(self._dropped)

    def send(
        self,
        target: Any,
        ctxt: dict[str, Any],
        message: dict[str, Any],
        wait_for_reply: bool | None = None,
        timeout: float | None = None,
        call_monitor_timeout: float | None = None,
        retry: int | None = None,  # noqa: ARG002 a peer is there or not: waiting brings none
        transport_options: Any = None,  # noqa: ARG002
    ) -> Any:
        """Send one message; wait for its answer if asked to.

        Raises: NotDelivered, PeerLost, MessagingTimeout: there is no answer.
            Any other: as the endpoint raised it, where it is allowed to travel.
            BusAway: the directory cannot be read.
        """
        if wait_for_reply:
            call_id = next(self._call_ids)
            frame = self._encode(
                [Frame.CALL, call_id, ctxt, message, timeout, call_monitor_timeout]
            )
            call = self._send_call(target, call_id, frame)
            return self._wait(call, target, timeout, call_monitor_timeout)
        frame = self._encode([Frame.CAST, ctxt, message])
        addresses = self._addresses(target)
        if target.fanout:
            for address in addresses:
                self._cast_to(address, frame)
        elif not any(self._cast_to(address, frame) for address in addresses):
            self._drop("nobody")
        return None

    def send_notification(
        self, target: Any, ctxt: Any, message: Any, version: Any, retry: Any = None
    ) -> None:
        """Refuse: notifications must be kept until somebody fetches them."""
        raise NotImplementedError("the uds driver carries no notifications")

    def listen(
        self,
        target: Any,
        batch_size: int,  # noqa: ARG002 each message is handed on at once
        batch_timeout: Any,  # noqa: ARG002
    ) -> UdsListener:
        """Make a subscription; what is sent from now on reaches it.

        Raises: BusAway: the directory cannot be made or is not ours.
        """
        self._loop.start()
        try:
            listening, address = self._directory.bind(self._topic(target), target.server)
        except OSError as error:
            raise self._away(error) from error
        receiver = UdsReceiver(
            listening,
            address,
            directory=self._directory,
            loop=self._loop,
            limits=self._limits,
            clock=self._clock,
        )
        with self._lock:
            self._receivers = [one for one in self._receivers if not one.is_closed] + [receiver]
        return UdsListener(receiver, self._clock)

    def listen_for_notifications(
        self, targets_and_priorities: Any, pool: Any, batch_size: Any, batch_timeout: Any
    ) -> None:
        """Refuse, as `send_notification` does."""
        raise NotImplementedError("the uds driver carries no notifications")

    def cleanup(self) -> None:
        """Fail the calls under way and give back threads, sockets and files; idempotent."""
        with self._lock:
            receivers, callers = self._receivers, list(self._callers.values())
        for receiver in receivers:
            receiver.stop()
            receiver.close()
        for caller in callers:
            self._loop.call_and_wait(caller.connection.close)
        self._loop.stop()
        self._directory.close()

    def _topic(self, target: Any) -> str:
        return topic_name(target.exchange or self._default_exchange or "openstack", target.topic)

    def _away(self, error: OSError) -> BusAway:
        return BusAway(f"bus directory '{self._directory.root}' cannot be used: {error}")

    def _encode(self, items: list[Any]) -> bytes:
        try:
            return encode_frame(items, max_bytes=self._limits.connection.max_message_bytes)
        except FrameError as error:
            raise NotDelivered(str(error)) from error

    def _addresses(self, target: Any) -> list[Address]:
        """Give where to send; for one of several, in the order in which to try them."""
        server = None if target.fanout else target.server
        try:
            found = self._directory.addresses(self._topic(target), server)
        except OSError as error:
            raise self._away(error) from error
        if target.fanout or len(found) < 2:
            return found
        first = next(self._turn) % len(found)
        return found[first:] + found[:first]

    def _cast_to(self, address: Address, frame: bytes) -> bool:
        try:
            self._caller(address).connection.send(frame)
        except QueueFull:
            self._drop("queue_full")
        except BlockingIOError:
            self._drop("peer_stopped")
        except (ConnectionClosed, OSError):
            self._drop("peer_gone")
        else:
            return True
        return False

    def _drop(self, cause: str) -> None:
        with self._count_lock:  # any thread sends
            self._dropped[cause] += 1

    def _send_call(self, target: Any, call_id: int, frame: bytes) -> PendingCall:
        reasons = ["nobody listens there"]
        for address in self._addresses(target):
            try:
                return self._caller(address).call(call_id, frame)
            except QueueFull:
                reasons.append("a server takes nothing more")
            except BlockingIOError:
                reasons.append("a server takes no further connections")
            except (ConnectionClosed, OSError) as error:
                reasons.append(str(error) or "a server has just ended")
        raise NotDelivered(f"{reasons[-1]} ({_name(target)})")

    def _caller(self, address: Address) -> Caller:
        caller = self._callers.get(address)
        if caller is not None:
            return caller
        with self._lock:
            caller = self._callers.get(address)
            if caller is None:
                caller = self._connect(address)
                self._callers[address] = caller
        return caller

    def _connect(self, address: Address) -> Caller:
        peer = self._directory.connect(address)
        if peer is None:
            raise ConnectionClosed
        self._loop.start()
        caller = Caller()
        caller.connection = Connection(
            peer,
            self._loop,
            self._limits.connection,
            on_frame=caller.on_frame,
            on_close=lambda _connection: self._forget(address, caller),
        )
        caller.connection.start()
        return caller

    def _forget(self, address: Address, caller: Caller) -> None:
        with self._lock:
            if self._callers.get(address) is caller:
                del self._callers[address]
        caller.fail_all()

    def _wait(
        self, call: PendingCall, target: Any, timeout: float | None, monitor: float | None
    ) -> Any:
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        try:
            while True:
                match call.next_frame(self._patience(deadline, monitor)):
                    case [Frame.HEARTBEAT, *_]:
                        continue
                    case [Frame.REPLY, _, result, None, *_]:
                        return result
                    case [Frame.REPLY, _, _, str(failure), *_]:
                        raise common.deserialize_remote_exception(
                            failure, self._allowed_remote_exmods
                        )
                    case [Frame.REFUSED, *_]:
                        raise NotDelivered(f"the server is stopping ({_name(target)})")
                raise PeerLost(f"the server died before it answered ({_name(target)})")
        except queue.Empty:
            raise exceptions.MessagingTimeout(
                f"no answer within {timeout} s ({_name(target)})"
            ) from None
        finally:
            call.forget()

    def _patience(self, deadline: float | None, monitor: float | None) -> float | None:
        times = [monitor] if monitor else []
        if deadline is not None:
            times.append(max(0.0, deadline - self._clock.monotonic()))
        return min(times, default=None)


def _name(target: Any) -> str:
    return f"topic {target.topic!r}" + (f" server {target.server!r}" if target.server else "")
