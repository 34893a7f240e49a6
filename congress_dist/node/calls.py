"""Calls to a service's methods: deadlines, typed errors, at most one execution.

A call is tried again only when its caller says that it is safe to repeat (docs/protocol.md section
8).
"""

from __future__ import annotations

import logging
import math
import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from ..clock import Clock, Random
from ..errors import (
    CongressError,
    DeadlineExceeded,
    InternalError,
    InvalidRequest,
    NotFound,
    ServiceUnavailable,
    TransportError,
    error_from_wire,
)
from ..protocol.backoff import Backoff
from ..protocol.codec import Encoder
from ..protocol.message_reader import MessageReader
from ..protocol.messages import CallAnswer, CallError, CallRequest
from ..protocol.options import DseOptions
from ..service import Method
from ..transports.transport import Transport
from .call_deadline import serving
from .call_times import CallTimes

LOG = logging.getLogger(__name__)
_REMEMBERED_REQUESTS = 10_000
OK, FAILED, UNKNOWN_METHOD = "ok", "failed", "unknown"
"""Outcomes of calls beside the codes of errors, and the method of those that do not exist."""


class CallClient:
    """The calling side; thread safe."""

    def __init__(
        self,
        transport: Transport,
        encode: Encoder,
        reader: MessageReader,
        *,
        options: DseOptions,
        clock: Clock,
        rng: Random,
    ) -> None:
        self._transport = transport
        self._encode = encode
        self._reader = reader
        self._options = options
        self._clock = clock
        self._rng = rng
        self._stopped = threading.Event()
        self.times = CallTimes()

    def call(
        self,
        topic: str,
        method: str,
        arguments: Mapping[str, Any],
        *,
        timeout: float,
        server: str | None,
        repeat: bool,
        lost_after: float = math.inf,
    ) -> Any:
        """Call a method and give its answer.

        Promises: repeated, under one request id, only with `repeat`, within the deadline. Each try
            but the last is waited for `lost_after`, and not for all the time that is left: a
            request or an answer that was lost costs no more. Without it one try has all the time,
            for methods that may need it.
        Raises: ServiceUnavailable: nobody answered; `outcome` says what that means for a write.
            DeadlineExceeded: not within `timeout`.
            CongressError: as the method raised it.
        """
        began, outcome = self._clock.monotonic(), FAILED
        try:
            answer = self._call(
                topic,
                method,
                arguments,
                timeout=timeout,
                server=server,
                repeat=repeat,
                lost_after=lost_after,
            )
            outcome = OK
            return answer
        except CongressError as error:
            outcome = error.code
            raise
        finally:
            self.times.note(method, outcome, self._clock.monotonic() - began)

    def stop(self) -> None:
        """Begin no further try; idempotent."""
        self._stopped.set()

    def _call(
        self,
        topic: str,
        method: str,
        arguments: Mapping[str, Any],
        *,
        timeout: float,
        server: str | None,
        repeat: bool,
        lost_after: float,
    ) -> Any:
        deadline = self._clock.monotonic() + timeout
        backoff = Backoff(self._options.backoff_min, self._options.backoff_max, self._rng)
        request_id = str(uuid.uuid4())
        for attempt in range(1, self._options.call_attempts + 1):
            remaining = deadline - self._clock.monotonic()
            if remaining <= 0:
                break
            is_last = not repeat or attempt == self._options.call_attempts
            patience = remaining if is_last else min(remaining, lost_after)
            request = CallRequest(request_id, method, arguments, patience, repeat)
            try:
                return self._try(topic, request, server)
            except (ServiceUnavailable, TransportError, DeadlineExceeded):
                delay = backoff.next_delay()
                is_over = self._clock.monotonic() + delay >= deadline
                if is_last or is_over:
                    raise
                if self._stopped.wait(delay):
                    raise
        raise DeadlineExceeded(
            f"no answer to {method!r} on topic {topic!r} within {timeout:g} s", outcome="unknown"
        )

    def _try(self, topic: str, request: CallRequest, server: str | None) -> Any:
        payload = self._encode(request)
        answer = self._reader.read(
            self._transport.call(topic, payload, timeout=request.remaining, server=server)
        )
        if isinstance(answer, CallError) and answer.request_id == request.request_id:
            raise error_from_wire(dict(answer.error))
        if isinstance(answer, CallAnswer) and answer.request_id == request.request_id:
            return answer.result
        raise InternalError(f"the answer to {request.method!r} on topic {topic!r} is none")


class CallServer:
    """The called side: carries out what one service's methods allow, in many threads at once."""

    def __init__(
        self,
        name: str,
        methods: Mapping[str, Method],
        clock: Clock,
        *,
        times: CallTimes | None = None,
    ) -> None:
        self._name = name
        self._methods = methods
        self._clock = clock
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._times = times or CallTimes()

    def handle(self, request: CallRequest) -> CallAnswer | CallError:
        """Carry out a call and give its answer, or the error that reaches the caller."""
        began = self._clock.monotonic()
        answer = self._answer(request, began + request.remaining)
        # What others send names no class of its own: it would not be bounded.
        method = request.method if request.method in self._methods else UNKNOWN_METHOD
        outcome = str(answer.error["code"]) if isinstance(answer, CallError) else OK
        self._times.note(method, outcome, self._clock.monotonic() - began)
        return answer

    def _answer(self, request: CallRequest, due: float) -> CallAnswer | CallError:
        try:
            with serving(lambda: due - self._clock.monotonic()):
                result = self._carry_out(request)
            if self._clock.monotonic() >= due:
                raise DeadlineExceeded(
                    f"{request.method!r} took longer than its caller waits", outcome="unknown"
                )
            return CallAnswer(request.request_id, result)
        except CongressError as error:
            return CallError(request.request_id, error.to_wire())
        except Exception:
            LOG.exception("a method failed service=%s method=%s", self._name, request.method)
            internal = InternalError(
                f"{request.method!r} of {self._name!r} failed; its log says why"
            )
            return CallError(request.request_id, internal.to_wire())

    def _carry_out(self, request: CallRequest) -> Any:
        if request.remaining <= 0:
            raise DeadlineExceeded(f"{request.method!r} came too late", outcome="not_written")
        if not request.repeat and self._is_known(request.request_id):
            raise ServiceUnavailable(
                f"{request.method!r} arrived twice; it is carried out once", outcome="unknown"
            )
        method = self._methods.get(request.method)
        if method is None:
            raise NotFound(
                f"{self._name!r} has no method {request.method!r}", method=request.method
            )
        return method(**request.arguments)

    def _is_known(self, request_id: str) -> bool:
        """Tell whether a request was seen before, and remember it."""
        with self._lock:
            if request_id in self._seen:
                return True
            self._seen[request_id] = None
            if len(self._seen) > _REMEMBERED_REQUESTS:
                self._seen.popitem(last=False)
            return False


def answer_bytes(
    server: CallServer, payload: bytes, encode: Encoder, reader: MessageReader
) -> bytes:
    """Answer the bytes of a call with bytes.

    Raises: UnreadableMessage: it is no message of this bus.
        InvalidRequest: it is another message.
    """
    request = reader.read(payload)
    if not isinstance(request, CallRequest):
        reader.note_unexpected(request)
        raise InvalidRequest(f"a {type(request).__name__} is no call")
    answer = server.handle(request)
    try:
        return encode(answer)
    except InvalidRequest as error:
        LOG.error("a method gave what cannot be sent method=%s: %s", request.method, error)
        internal = InternalError(f"the answer of {request.method!r} cannot be sent")
        return encode(CallError(request.request_id, internal.to_wire()))
