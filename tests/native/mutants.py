"""Breaks the kernel one line at a time, and sees whether a test notices: `make mutants-native`.

Each mutant is built from a copy of the sources and run against the kernel's own tests, the one
that noticed it last time first; one of Python's side of the kernel against some of the engine's.
One that lives is a hole in the tests, or `HARMLESS` has the reason why it is none. A ledger keeps
what came out: another run goes on with what is left, and tries again what lived.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from kernel_mutants import HARMLESS, MUTANTS
from mutant import Mutant
from mutant_builds import BUILD, SOURCES, TOP, tested_in

KERNEL = TOP / "policy" / "kernel"
LEDGER = BUILD / "ledger.jsonl"
DONE = frozenset({"killed", "harmless"})


@dataclass(frozen=True)
class Outcome:
    """What came of a mutant; `by` is the test that noticed it, if it could still tell."""

    kernel: str
    mutant: str
    how: str
    by: str
    took_s: float


def main(arguments: list[str]) -> int:
    """Run the mutants; give 1 when one lives that should not."""
    parser = argparse.ArgumentParser(prog="mutants.py", description=__doc__)
    parser.add_argument("--only", default="", help="those whose name has this text")
    parser.add_argument("--afresh", action="store_true", help="also those that were killed")
    given = parser.parse_args(arguments)
    _copy_sources()
    _refuse_misplaced()
    chosen = [mutant for mutant in MUTANTS if given.only in mutant.name]
    _require_passes(chosen)
    digest = _digest()
    known = {outcome.mutant: outcome for outcome in _read_ledger()}
    lived = 0
    for number, mutant in enumerate(chosen):
        before = known.get(mutant.name)
        is_done = before is not None and before.kernel == digest and before.how in DONE
        if is_done and not given.afresh:
            continue
        outcome = _try(mutant, digest, before.by if before is not None else "")
        with LEDGER.open("a") as ledger:
            ledger.write(json.dumps(asdict(outcome)) + "\n")
        sys.stdout.write(f"{number:3} {outcome.how:10} {outcome.took_s:4.0f} s  {mutant.name}\n")
        sys.stdout.flush()
        lived += outcome.how not in DONE
    return 1 if lived else 0


def _copy_sources() -> None:
    """Copy what has changed, so that only that is built again."""
    SOURCES.mkdir(parents=True, exist_ok=True)
    for source in (*KERNEL.glob("*.h"), *KERNEL.glob("*.cpp")):
        copy = SOURCES / source.name
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            shutil.copyfile(source, copy)


def _refuse_misplaced() -> None:
    """Refuse mutants of lines that the kernel does not have, or has twice."""
    misplaced = [
        f"stands there {count} times: {mutant.name}\n"
        for mutant in MUTANTS
        if (count := (SOURCES / mutant.file).read_text().count(mutant.before)) != 1
    ]
    if misplaced:
        raise SystemExit("".join(misplaced))


def _require_passes(mutants: list[Mutant]) -> None:
    """Refuse to go on when the tests that are to notice mutants fail without them."""
    for tested in {type(each): each for each in (tested_in(m.file) for m in mutants)}.values():
        if not tested.build() or tested.first_failure("") is not None:
            raise SystemExit("the kernel as it is does not pass")


def _digest() -> str:
    """Give what tells the kernel as it is from others; tests only ever notice more."""
    whole = hashlib.sha256()
    for source in sorted(SOURCES.iterdir()):
        whole.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return whole.hexdigest()[:16]


def _read_ledger() -> Iterator[Outcome]:
    if LEDGER.exists():
        for line in LEDGER.read_text().splitlines():
            yield Outcome(**json.loads(line))


def _try(mutant: Mutant, digest: str, likely: str) -> Outcome:
    """Build a mutant and run the tests, the likely one before all."""
    source = SOURCES / mutant.file
    tested = tested_in(mutant.file)
    whole = source.read_text()
    began = time.monotonic()
    failure: str | None = None
    try:
        source.write_text(whole.replace(mutant.before, mutant.after))
        is_built = tested.build()
        if is_built and likely:
            failure = tested.first_failure(likely)
        if is_built and failure is None:
            failure = tested.first_failure("")
    finally:
        source.write_text(whole)
    how = "killed" if failure is not None else "lives" if is_built else "is not C++"
    if how == "lives" and mutant.change in HARMLESS:
        how = "harmless"
    return Outcome(digest, mutant.name, how, failure or "", time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
