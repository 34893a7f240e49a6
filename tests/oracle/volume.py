"""Many random cases: `python -m tests.oracle.volume SEED N` runs those of SEED, from 0 to N - 1.

A failing case is shrunk, printed, and can be run again: `… volume SEED N --only NUMBER`.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from .cases import Case, random_case
from .choices import seeded
from .comparison import run_case
from .shrinking import shrink

_REBUILT = 4
"""Of so many cases one is also told to a new engine, all at once."""


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
    given = parser.parse_args(arguments)
    last = given.start + given.count
    numbers = range(given.start, last) if given.only is None else [given.only]
    began, failed, ran = time.perf_counter(), 0, 0
    for number in numbers:
        ran += 1
        case = case_of(given.seed, number)
        error = failure_of(case, is_rebuilt=number % _REBUILT == 0)
        if error is not None:
            _report(given.seed, number, case, error)
            failed += 1
            if failed == given.failures:
                break
    took = time.perf_counter() - began
    _tell(f"{ran} programs in {took:.1f} s ({ran / took:.0f}/s), {failed} disagreements")
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
    sys.exit(main(sys.argv[1:]))
