"""Many random cases: `python -m tests.oracle.volume SEED N` runs those of SEED, from 0 to N - 1.

A failing case is shrunk, printed, and can be run again: `… volume SEED N --only NUMBER`. With a
ledger a run that was ended goes on where it was: `make oracle SEED=1 N=200000`.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from .cases import Case, random_case
from .choices import seeded
from .comparison import run_case
from .ledger import Ledger, Stretch, commit_under_test
from .shrinking import shrink

_REBUILT = 4
"""Of so many cases one is also told to a new engine, all at once."""

_COLLECTED = 50
"""Python looks for garbage after so many cases only: each makes many objects, few in cycles."""

_STRETCH = 500
"""Cases that are noted together."""


def case_of(seed: int, number: int) -> Case:
    """Give one of the cases of a seed."""
    return random_case(seeded(f"{seed}/{number}"))


def failure_of(case: Case, *, is_rebuilt: bool = True) -> BaseException | None:
    """Run a case; give what went wrong."""
    try:
        run_case(case, is_rebuilt=is_rebuilt)
    except Exception as error:  # noqa: BLE001 - whatever the engine raises is a finding
        return error
    return None


def main(arguments: list[str]) -> int:
    """Run cases; give 1 when one fails."""
    parser = argparse.ArgumentParser(prog="tests.oracle.volume", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--only", type=int, help="the number of the one case to run")
    parser.add_argument("--start", type=int, default=0, help="the number of the first case")
    parser.add_argument("--failures", type=int, default=1, help="stop after so many")
    parser.add_argument(
        "--ledger", type=Path, help="note here what was run, and go on behind what was"
    )
    given = parser.parse_args(arguments)
    if given.only is not None:
        return 1 if _run(given.seed, [given.only], most=1) else 0
    if given.ledger is None:
        last = given.start + given.count
        return 1 if _run(given.seed, range(given.start, last), given.failures) else 0
    return _run_noted(given.seed, given.count, given.failures, Ledger(given.ledger))


def _run(seed: int, numbers: Sequence[int], most: int) -> int:
    """Run cases until so many failed; give how many did."""
    began, failed = time.perf_counter(), 0
    for ran, number in enumerate(numbers, 1):
        case = case_of(seed, number)
        error = failure_of(case, is_rebuilt=number % _REBUILT == 0)
        if error is not None:
            _report(seed, number, case, error)
            failed += 1
        if number % _COLLECTED == 0:
            gc.collect()
        if failed == most or ran == len(numbers):
            break
    took = time.perf_counter() - began
    _tell(f"{ran} programs in {took:.1f} s ({ran / took:.0f}/s), {failed} disagreements")
    return failed


def _run_noted(seed: int, count: int, most: int, ledger: Ledger) -> int:
    """Run cases in stretches until a seed has so many; give 1 when one failed."""
    failed = 0
    while failed < most and (start := ledger.next_number(seed)) < count:
        commit, began = commit_under_test(), time.perf_counter()
        numbers = range(start, min(start + _STRETCH, count))
        now = _run(seed, numbers, len(numbers))
        took = round(time.perf_counter() - began, 1)
        ledger.add(Stretch(commit, seed, start, len(numbers), now, took))
        failed += now
        _tell(f"seed {seed}: {numbers.stop} of {count}; on {commit}: {ledger.counts()[commit]}")
    for commit, number in ledger.counts().items():
        _tell(f"{commit}: {number} programs")
    return 1 if failed else 0


def _report(seed: int, number: int, case: Case, error: BaseException) -> None:
    kind = type(error)
    small = shrink(case, lambda smaller: type(failure_of(smaller)) is kind)
    _tell(f"case {number} of seed {seed}: {error}")
    _tell(f"again with: python -m tests.oracle.volume {seed} {number + 1} --only {number}")
    _tell(f"from {len(case.operations)} operations, shrunk to\n{small.text()}")
    last = failure_of(small)
    _tell("".join(traceback.format_exception(last)[-4:]))


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    gc.disable()
    sys.exit(main(sys.argv[1:]))
