"""A child for the supervisor's tests: says what it was given, beats, and does as it is told.

It is told by files: DIR/<name>.deaf makes it ignore SIGTERM, DIR/<name>.mute keeps it silent.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from congress_dist.processes.alive import beat_until


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("name")
    parser.add_argument("--incarnation", required=True)
    parser.add_argument("--replaces")
    parser.add_argument("--alive-fd", type=int, required=True)
    args = parser.parse_args()
    stopping = threading.Event()
    if (args.directory / f"{args.name}.deaf").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    line = {
        "name": args.name,
        "pid": os.getpid(),
        "group": os.getpgid(0),
        "incarnation": args.incarnation,
        "replaces": args.replaces,
    }
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()
    mute = args.directory / f"{args.name}.mute"
    beat_until(stopping, args.alive_fd, lambda: not mute.exists())
    record(args.directory, args.name)


def record(directory: Path, name: str) -> None:
    """Note who ended, in the order in which they do."""
    with (directory / "ended").open("a") as ended:
        ended.write(f"{name}\n")


if __name__ == "__main__":
    main()
