"""Print how long a large world takes to converge after its broker is back.

    make bench-convergence

A source of 100 tables of 10,000 rows that goes on changing, 3 subscribers and the policy engine,
each a process of its own, on a broker of their own. Counted from when the broker accepts
connections until the last subscriber is live, fresh and equal to the source, which then stands.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random

from tests.chaos.cloud import Shape
from tests.chaos.faults import FAULTS
from tests.chaos.strike import strike
from tests.chaos.world import Plan, World

GIB = 2**30
CHOSEN = ("broker stopped", "broker killed", "broker hangs", "all connections closed")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-convergence", description=__doc__)
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=3)
    args = parser.parse_args()
    plan = Plan(
        shape=Shape(args.tables, args.rows), publishers={"cloud0": 1}, rate=5.0, memory=4 * GIB
    )
    with tempfile.TemporaryDirectory(prefix="congress-bench-") as directory:
        world = World(Path(directory), plan)
        try:
            world.start()
            for fault in (fault for fault in FAULTS if fault.name in CHOSEN):
                for _ in range(args.times):
                    print(strike(world, [fault], Random(1)), flush=True)
            print(f"promises broken: {len(world.audit.broken)}", *world.audit.broken, sep="\n")
            return 1 if world.audit.broken else 0
        finally:
            world.stop()


if __name__ == "__main__":
    sys.exit(main())
