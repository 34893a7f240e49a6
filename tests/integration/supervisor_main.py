"""A supervisor as a process of its own: `supervisor_main.py DIR NAME…`, stopped by SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from congress_dist.errors import StartupError
from congress_dist.processes.supervisor import ChildSpec, Supervisor

CHILD = str(Path(__file__).with_name("supervised_child.py"))


def main() -> int:
    directory, names = Path(sys.argv[1]), sys.argv[2:]
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    children = [ChildSpec(name, [sys.executable, CHILD, str(directory), name]) for name in names]
    supervisor = Supervisor(directory, children, silence=6.0)
    try:
        supervisor.start()
    except StartupError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    sys.stdout.write("started\n")
    sys.stdout.flush()
    stopping.wait()
    supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
