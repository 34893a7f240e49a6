"""Breaks the protocol one line at a time, and sees whether the simulation notices: `make mutants`.

Each mutant is a copy of the package with one line changed, run under the simulation until a
schedule breaks a promise. One that lives is a hole in the simulation, or `HARMLESS` says why not.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from congress_dist.clock import SystemClock

from .mutants import HARMLESS, MUTANTS, Mutant

PACKAGE = Path(__file__).parents[2] / "congress_dist"
_SLOWER = 5.0
"""Times as long as without a change a run may take before it hangs."""


def main(argv: list[str] | None = None) -> int:
    """Run the mutants; give 1 when one lives that should not."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="those whose name has this text")
    parser.add_argument("--count", type=int, default=5000, help="schedules for each (5000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at the same time")
    args = parser.parse_args(argv)
    chosen = [mutant for mutant in MUTANTS if args.only in mutant.name]
    lived = 0
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(args.jobs) as pool:
        clock = SystemClock()
        began = clock.monotonic()
        if run(Path(directory, "whole"), None, args.count) != "lives":
            raise SystemExit("the protocol as it is does not pass")
        timeout = _SLOWER * (clock.monotonic() - began)
        tries = [
            pool.submit(run, Path(directory, str(number)), mutant, args.count, timeout)
            for number, mutant in enumerate(chosen)
        ]
        for mutant, tried in zip(chosen, tries, strict=True):
            outcome = tried.result()
            if outcome == "lives" and mutant.name in HARMLESS:
                outcome = "harmless"
            lived += outcome == "lives"
            sys.stdout.write(f"{outcome:24} {mutant.name}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} mutants, {lived} live\n")
    return 1 if lived else 0


def run(root: Path, mutant: Mutant | None, count: int, timeout: float | None = None) -> str:
    """Run one mutant; give `lives`, or after how many schedules it was seen."""
    copy = root / "congress_dist"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    if mutant is not None:
        file = copy / mutant.file
        file.write_text(file.read_text().replace(mutant.before, mutant.after))
    command = [sys.executable, "-m", "congress_dist.testing.simulation"]
    command += ["--seed", "1", "--count", str(count), "--jobs", "1"]
    env = {**os.environ, "PYTHONPATH": str(root)}
    try:
        done = subprocess.run(
            command, env=env, cwd=root, capture_output=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return "killed: it hangs"
    finally:
        shutil.rmtree(root)
    if done.returncode == 0:
        return "lives"
    found = re.search(r"^seed (\d+) breaks", done.stdout.decode(), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{mutant} cannot be run:\n{done.stderr.decode()[-2000:]}")
    return f"killed by seed {found[1]}"


if __name__ == "__main__":
    sys.exit(main())
