"""How the machines of sources reach their publishers: each source waits in a lane of its own."""

from __future__ import annotations

import logging
import threading

from ..errors import CongressError, InvalidRequest
from ..protocol.codec import Encoder
from ..protocol.effects import RequestSync
from ..protocol.message_reader import MessageReader
from ..protocol.messages import Chunk, SnapshotGone, SyncAnswer, SyncBusy, SyncNotYet, SyncReply
from ..transports.transport import Transport
from .lanes import Lanes
from .source_feed import SourceFeed

LOG = logging.getLogger(__name__)
NODE_TOPIC = "node"
_SYNC_REPLIES = (SyncAnswer, SyncNotYet, SyncBusy, Chunk, SnapshotGone)


class SyncCalls:
    """Makes the calls that feeds ask for, and hands the replies to them.

    Promises: a call waits no longer than the machine does; a publisher that does not answer holds
        up no other source. At most `at_once` replies are worked on at a time.
    """

    def __init__(
        self, transport: Transport, encode: Encoder, reader: MessageReader, *, at_once: int
    ) -> None:
        self._transport = transport
        self._encode = encode
        self._reader = reader
        self._lanes = Lanes("dse-sync")
        # Without it a node that starts with hundreds of sources would work on all their tables in
        # as many threads, and its loop would wait for its turn among them.
        self._working = threading.BoundedSemaphore(at_once)

    def submit(self, feed: SourceFeed, request: RequestSync) -> None:
        """Make a call soon. If it cannot be made, its time passes and the machine asks again."""
        self._lanes.submit(feed.source, lambda: self._make(feed, request))

    def stop(self, timeout: float) -> None:
        """Make no call any more; idempotent."""
        self._lanes.stop(timeout)

    def _make(self, feed: SourceFeed, request: RequestSync) -> None:
        number = request.message.request
        time_left = feed.time_left(number)
        if time_left <= 0:
            return  # it waited here for longer than anybody waits for the reply
        try:
            payload = self._transport.call(
                NODE_TOPIC,
                self._encode(request.message),
                timeout=time_left,
                server=request.incarnation,
            )
            feed.count("sync_bytes", len(payload))
            with self._working:
                reply = self._read(payload)
                feed.step(lambda machine, now: machine.on_answer(reply, now))
        except CongressError as error:
            LOG.debug("a sync failed source=%s error=%s", feed.source, error)
            feed.step(lambda machine, now: machine.on_failure(number, now))

    def _read(self, payload: bytes) -> SyncReply:
        message = self._reader.read(payload)
        if isinstance(message, _SYNC_REPLIES):
            return message
        self._reader.note_unexpected(message)
        raise InvalidRequest(f"a {type(message).__name__} is no reply to a sync")
