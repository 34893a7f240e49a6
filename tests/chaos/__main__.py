"""`make chaos MINUTES=10 SEED=7`: faults drawn at random, until the time is over or Ctrl-C.

The exit code is 0 when every promise held, and 1 when one was broken, or, with CI=true, when a
kind of fault could not be injected here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.servers.rabbitmq import APT_LINE, is_installed

from .faults import FAULTS, Fault
from .report import Report
from .strike import strike
from .world import NotReached, Plan, World

NOT_AVAILABLE = 3
TOGETHER = 0.35
"""How often two faults are injected together."""
BRIEF, LONG = (1, 40), (100, 300)
"""Versions, 20 a second, for which a fault is held when its effect is not waited for."""


def main() -> int:
    """Run, report, give the exit code."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--faults", type=int, default=sys.maxsize, help="end after so many")
    parser.add_argument("--seed", type=int, default=None, help="default: another each time")
    args = parser.parse_args()
    if not is_installed():
        print(f"chaos: this machine has no RabbitMQ; install it with: {APT_LINE}")
        return NOT_AVAILABLE
    seed = Random().randrange(10**9) if args.seed is None else args.seed
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore the first
        signal.signal(number, signal.default_int_handler)
    directory = Path(tempfile.mkdtemp(prefix="congress-chaos-"))
    is_good = False
    try:
        is_good = run(directory, Report(seed), args)
    finally:
        if is_good:
            shutil.rmtree(directory)
        else:
            print(f"journals and logs of all processes are in {directory}")
    return 0 if is_good else 1


def run(directory: Path, report: Report, args: argparse.Namespace) -> bool:
    """Inject faults until the end; tell whether all is well."""
    world = World(directory, Plan())
    try:
        print(
            f"chaos: seed {report.seed}, {args.minutes:g} minutes; Ctrl-C ends it with a report",
            flush=True,
        )
        world.start()
        for fault in FAULTS:
            why = fault.why_not(world)
            if why is not None:
                report.skipped[fault.name] = why
                print(f"chaos: SKIPPED {fault.name}: {why}", flush=True)
        possible = [fault for fault in FAULTS if fault.name not in report.skipped]
        keep_striking(world, possible, Random(report.seed), report, args)
    except KeyboardInterrupt:
        print("chaos: interrupted", flush=True)
    except NotReached as error:
        world.audit.fail(str(error))
    finally:
        world.stop()
    print(f"\n{report.text(world.audit)}", flush=True)
    return not world.audit.broken and not (report.skipped and os.environ.get("CI") == "true")


def keep_striking(
    world: World, possible: list[Fault], rng: Random, report: Report, args: argparse.Namespace
) -> None:
    """Draw, inject and heal, one strike after the other."""
    end = time.monotonic() + 60 * args.minutes
    while time.monotonic() < end and report.injected < args.faults and not world.audit.broken:
        faults = draw(rng, possible)
        if sys.stdout.isatty():
            print(f"{report.injected:5}  {' + '.join(fault.name for fault in faults)} …", end="\r")
        outcome = strike(world, faults, rng, versions=draw_versions(rng, len(faults)))
        report.add(outcome)
        print(f"{report.injected:5}  {outcome}", flush=True)


def draw(rng: Random, possible: list[Fault]) -> list[Fault]:
    """Draw one fault, or two that can be together."""
    first = rng.choice(possible)
    others = [fault for fault in possible if fault.subject != first.subject]
    return [first, rng.choice(others)] if others and rng.random() < TOGETHER else [first]


def draw_versions(rng: Random, together: int) -> int | None:
    """Draw for how long to hold; None, until the effect shows, only for one that is alone."""
    kind = rng.random()
    if together == 1 and kind < 0.4:
        return None
    return rng.randint(*(BRIEF if kind < 0.85 else LONG))


if __name__ == "__main__":
    sys.exit(main())
