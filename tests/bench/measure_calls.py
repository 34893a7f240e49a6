"""Print how many calls one caller makes over `uds://` and over RabbitMQ, turn by turn.

    make bench-calls [ARGS="--turns 3"]

Caller and callee are two processes of this machine; a call carries 100 bytes there and back.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from congress_dist.config import load_config
from congress_dist.transports.transport import OsloTransport
from tests.servers.rabbitmq import RabbitServer

PAYLOAD = b"x" * 100
PATIENCE_S = 20.0
WARM_UP = 100
MARK = 8.0


def main(argv: list[str] | None = None) -> int:
    """Give 1 when the median of the ratios is below its mark."""
    parser = argparse.ArgumentParser(prog="make bench-calls", description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn and bus")
    args = parser.parse_args(argv)
    ratios = []
    with ExitStack() as stack:
        where = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="congress-calls-")))
        broker = RabbitServer(where / "rabbitmq")
        stack.callback(broker.end)
        broker.start()
        for turn in range(1, args.turns + 1):
            uds, rabbit = (measure(where, url, args.seconds) for url in ("", broker.url()))
            ratios.append(len(uds) / len(rabbit))
            print(
                f"turn {turn}: uds {told(uds, args.seconds)}; rabbit {told(rabbit, args.seconds)}"
            )
    print(f"uds over rabbit: {', '.join(f'{each:.1f}x' for each in ratios)} (wanted {MARK:.0f}x)")
    return int(statistics.median(ratios) < MARK)


def measure(where: Path, url: str, seconds: float) -> list[float]:
    """Call another process again and again; give how long each call took."""
    callee = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.measure_calls", "--serve", str(where), url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    transport = connect(where, url)
    try:
        assert callee.stdout is not None
        callee.stdout.readline()
        took: list[float] = []
        for _ in range(WARM_UP):
            transport.call("t", PAYLOAD, timeout=PATIENCE_S)
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            transport.call("t", PAYLOAD, timeout=PATIENCE_S)
            took.append(time.monotonic() - began)
        return took
    finally:
        transport.stop()
        callee.communicate(timeout=PATIENCE_S)


def connect(where: Path, url: str) -> OsloTransport:
    """Give a transport of this process."""
    options = {"dse__transport_url": url} if url else {}
    return OsloTransport(load_config(where, **options))


def serve(where: Path, url: str) -> None:
    """Answer calls until standard input ends."""
    transport = connect(where, url)
    transport.serve("t", "callee", lambda payload: payload)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    transport.stop()


def told(took: list[float], seconds: float) -> str:
    rate, middle = len(took) / seconds, statistics.median(took)
    return f"{rate:,.0f} a second, p50 {1000 * middle:.2f} ms"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]), sys.argv[3])
    else:
        sys.exit(main())
