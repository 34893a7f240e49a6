"""`python -m congress_dist.testing.simulation`: run schedules, or replay one."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections import Counter

from congress_dist.clock import SystemClock

from .runs import BrokenPromise, rare, run_many
from .schedule import run_schedule

_FREQUENT = 100
_EXPECTED_FROM = 20_000
"""Schedules from which on everything must have been met `_FREQUENT` times."""


def main(argv: list[str] | None = None) -> int:
    """Run schedules and print the outcome; give 1 if one fails, or if paths were hardly taken."""
    args = _parser().parse_args(argv)
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return _run(args)
    finally:
        logging.disable(level)


def _run(args: argparse.Namespace) -> int:
    clock = SystemClock()
    began = clock.monotonic()
    taken: Counter[str] = Counter()
    done = 0
    try:
        for count, batch in run_many(range(args.seed, args.seed + args.count), jobs=args.jobs):
            done += count
            taken += batch
            rate = done / max(clock.monotonic() - began, 1e-9)
            _show_progress(f"{done}/{args.count} schedules, {rate:.0f} a second")
    except BrokenPromise as broken:
        _replay(broken)
        return 1
    except KeyboardInterrupt:
        _show_progress("")
        sys.stdout.write(f"stopped after {done} schedules, all of which hold\n")
        return 130
    _show_progress("")
    for name, times in sorted(taken.items()):
        sys.stdout.write(f"{times:10d} {name}\n")
    rate = done / max(clock.monotonic() - began, 1e-9)
    sys.stdout.write(f"{done} schedules from seed {args.seed} hold, {rate:.0f} a second\n")
    hardly = rare(taken, _FREQUENT) if done >= _EXPECTED_FROM else []
    for name in hardly:
        sys.stdout.write(f"only {taken[name]} times: {name}\n")
    return 1 if hardly else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m congress_dist.testing.simulation",
        description="Run the stream protocol under drawn faults; a seed is one schedule and "
        "replays exactly. After 20,000 or more, everything must have been met 100 times.",
    )
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--count", type=int, default=2000, help="schedules (default: 2000)")
    jobs = os.cpu_count() or 1
    parser.add_argument(
        "--jobs", type=int, default=jobs, help=f"processes (default: {jobs}, one a processor)"
    )
    return parser


def _replay(broken: BrokenPromise) -> None:
    """Run the seed that failed once more, to show where."""
    _show_progress("")
    try:
        run_schedule(broken.seed)
    except Exception as error:  # noqa: BLE001 whatever it is, it is shown
        traceback.print_exception(error, chain=False)
    sys.stdout.write(f"{broken}\nreplay: make sim SEED={broken.seed} N=1\n")


def _show_progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
