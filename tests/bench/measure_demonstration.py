"""Measure the whole demonstration: memory (sum of PSS over all processes) and CPU.

    .venv/bin/python tests/bench/measure_demonstration.py --seconds 120

Samples each second. Prints the peak, the time to the first complete answer, and idle CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


def pss_bytes(processes: list[psutil.Process]) -> dict[str, int]:
    found = {}
    for process in processes:
        try:
            words = process.cmdline()
            name = " ".join(words[words.index("node") + 1 :][:2]) if "node" in words else "up"
            found[f"{name} ({process.pid})"] = process.memory_full_info().pss
        except (psutil.Error, ValueError):
            continue
    return found


def cpu_seconds(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
            total += times.user + times.system
        except psutil.Error:
            continue
    return total


def is_settled(port: int) -> bool:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/status", headers={"OpenStack-API-Version": "policy 1.1"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            status = json.load(answer)
    except OSError:
        return False
    tables = [t for s in status["sources"] for t in s["tables"].values()]
    return (
        status["ready"]
        and len(status["sources"]) == 5
        and all(s["tables"] for s in status["sources"])
        and all(t["state"] not in ("unread", "waiting") for t in tables)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=120, help="how long to sample")
    parser.add_argument("--port", type=int, default=17890)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        command = [
            *(str(ROOT / ".venv/bin/congress"), "up", "--data-dir", directory),
            *("--port", str(args.port), "--config", str(ROOT / "devstack/host_safety.conf")),
            *("--policy", str(ROOT / "devstack/policies/host_safety")),
        ]
        up = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=sys.stderr)
        try:
            sample(up, args.port, args.seconds)
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(30)


def sample(up: subprocess.Popen[bytes], port: int, seconds: int) -> None:
    began = time.monotonic()
    root = psutil.Process(up.pid)
    peak, parts, settled_at, idle_from = 0, {}, None, None
    pacer = threading.Event()
    for _ in range(seconds):
        processes = [root, *root.children(recursive=True)]
        now = pss_bytes(processes)
        if sum(now.values()) > peak:
            peak, parts = sum(now.values()), now
        if settled_at is None and is_settled(port):
            settled_at = time.monotonic() - began
        elif (
            settled_at is not None
            and idle_from is None
            and time.monotonic() - began > settled_at + 10
        ):
            idle_from = (time.monotonic(), cpu_seconds(processes))
        pacer.wait(1)
    processes = [root, *root.children(recursive=True)]
    print(f"settled after {settled_at:.1f} s" if settled_at else "not settled")
    print(f"peak PSS {peak / 1e6:.0f} MB:")
    for name, size in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"  {size / 1e6:6.1f} MB  {name}")
    last = pss_bytes(processes)
    print(f"PSS at the end {sum(last.values()) / 1e6:.0f} MB")
    if idle_from:
        spent = cpu_seconds(processes) - idle_from[1]
        wall = time.monotonic() - idle_from[0]
        print(f"idle CPU {100 * spent / wall:.1f} % of one core over {wall:.0f} s")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
