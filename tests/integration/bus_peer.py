"""Another node on the bus: `bus_peer.py DIR NAME`; listens on `t`, serves `t`, says what it hears.

Calls: `echo …` is answered with itself, `hang` never, `pid` with the process id, `heard` with the
number of publications so far.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from congress_dist.config import load_config
from congress_dist.transports.transport import OsloTransport


def main() -> None:
    directory, name = Path(sys.argv[1]), sys.argv[2]
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    transport = OsloTransport(load_config(directory))
    heard: list[int] = []

    def answer(payload: bytes) -> bytes:
        if payload == b"hang":
            say("hanging")
            stopping.wait()
        if payload == b"pid":
            return b"%d" % os.getpid()
        if payload == b"heard":
            return b"%d" % len(heard)
        return payload

    transport.listen("t", name, lambda payload: heard.append(len(payload)))
    transport.serve("t", name, answer)
    say("ready")
    stopping.wait()
    transport.stop()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
