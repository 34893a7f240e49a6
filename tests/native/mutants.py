"""Breaks the kernel one line at a time, and sees whether a test notices: `make mutants-native`.

Each mutant is built from a copy of the sources and run against the kernel's own tests. One that
lives is a hole in the tests, or `HARMLESS` has the reason why it is none.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

NATIVE = Path(__file__).parent
KERNEL = NATIVE.parents[1] / "policy" / "kernel"
BUILD = NATIVE / "build" / "mutants"
RUN_TIMEOUT_S = 300.0
"""A mutant that loops for ever is noticed by that; the tests alone take about 5 s."""


@dataclass(frozen=True)
class Mutant:
    """A change of one place in one file; `before` stands there once."""

    file: str
    before: str
    after: str

    @property
    def name(self) -> str:
        """Give a text that tells it from the others."""
        return f"{self.file}: {self.change} → {' '.join(self.after.split())}"

    @property
    def change(self) -> str:
        """Give what is changed, on one line."""
        return " ".join(self.before.split())


MUTANTS = (
    # Maintenance: counting.
    Mutant("maintenance.cpp", "if (rule->is_redone()) count_whole(*rule, Reads::kOld, -1);", ""),
    Mutant(
        "maintenance.cpp",
        "is_redone() || rule->was_empty()) {\n            count",
        "is_redone()) {\n            count",
    ),
    Mutant("maintenance.cpp", "== is_negated ? -1 : 1;", "== is_negated ? 1 : -1;"),
    Mutant(
        "maintenance.cpp",
        "for (Rule* rule : work.removed) count_whole(*rule, Reads::kOld, -1);",
        "",
    ),
    Mutant(
        "maintenance.cpp",
        "work.removed) count_whole(*rule, Reads::kOld",
        "work.removed) count_whole(*rule, Reads::kNew",
    ),
    Mutant("maintenance.cpp", "{State::kOld, State::kNew}", "{State::kNew}"),
    Mutant(
        "maintenance.cpp",
        "reads == Reads::kOld ? State::kOld : State::kNew, step",
        "State::kNew, step",
    ),
    Mutant(
        "maintenance.cpp",
        "run.changes.empty()) guard.lift_limits();",
        "false) guard.lift_limits();",
    ),
    # Maintenance: heights.
    Mutant("maintenance.cpp", "head_.is_suspect(row)) continue;", "false) continue;"),
    Mutant("maintenance.cpp", "(height) <= height_) continue;", "(height) < height_) continue;"),
    Mutant(
        "maintenance.cpp", "for (Rule* rule : work.removed) suspect_whole(component, *rule);", ""
    ),
    Mutant(
        "maintenance.cpp",
        "is_negated ? State::kNew : State::kOld, changes_);",
        "State::kOld, changes_);",
    ),
    Mutant(
        "maintenance.cpp",
        "is_negated ? State::kOld : State::kNew, changes_);",
        "State::kNew, changes_);",
    ),
    Mutant(
        "maintenance.cpp", "level_[place].size()}, height);", "level_[place].size()}, kNoBound);"
    ),
    Mutant(
        "maintenance.cpp", "level_[place].size()}, height);", "level_[place].size()}, height + 1);"
    ),
    Mutant("maintenance.cpp", "table.mark_suspect(level_[place][n], false);", ""),
    Mutant(
        "maintenance.cpp",
        "table.show(lost_[place][n], heights_[n]);",
        "table.show(lost_[place][n], 0);",
    ),
    Mutant("maintenance.cpp", "fresh_[place].push_back(lost_[place][n]);", ""),
    Mutant(
        "maintenance.cpp", "        forget_suspects(component);\n        throw;", "        throw;"
    ),
    Mutant("maintenance.cpp", "if (lost > most) return false;", ""),
    Mutant("maintenance.cpp", "if (rule->head != &table) continue;", ""),
    # Relations.
    Mutant("relation.cpp", "if (is_in(found, State::kNew)) return kNoRow;", ""),
    Mutant("relation.cpp", "if ((flags_[row] & (kOld | kNew)) == 0) --hidden_;", ""),
    Mutant("relation.cpp", "if ((flags_[row] & kOld) == 0) ++hidden_;", ""),
    Mutant("relation.cpp", "if (after == 0) hide(row);", ""),
    Mutant("relation.cpp", "is_in(row, State::kNew) ? support(row) : 0;", "support(row);"),
    Mutant("relation.cpp", "if (after > 0xFF) widen_support();", ""),
    Mutant(
        "relation.cpp",
        "touched_.push_reserved({row, 0, false, true});",
        "touched_.push_reserved({row, 0, false, false});",
    ),
    Mutant(
        "relation.cpp",
        "if (row < appended_from_) {\n        flags_[row] = kTouched;",
        "if (false) {\n        flags_[row] = kTouched;",
    ),
    Mutant("relation.cpp", "    old_size_ = size_;\n    appended_from_", "    appended_from_"),
    Mutant("relation.cpp", "    free_ = row;\n}\n\n// Puts", "}\n\n// Puts"),
    # Indexes.
    Mutant("index.cpp", "if (posting.length > kLong) places_[last] = place;", ""),
    Mutant("index.cpp", "if (posting.length == kLong) note_places(posting);", ""),
    Mutant("index.cpp", "if (posting.length >= kLong) places_[row] = posting.length;", ""),
    Mutant(
        "index.cpp",
        "if (posting.length > kLong) return places_[row];",
        "if (posting.length >= kLong) return places_[row];",
    ),
    Mutant("index.cpp", "free_block(before.offset, before.capacity);", ""),
    Mutant("index.cpp", "arena_[posting.offset + place] = last;", ""),
    Mutant("index.cpp", "free_posting_ = postings_[posting].capacity;", "free_posting_ = kNone;"),
    Mutant(
        "index.cpp",
        "if (cells[column] != *key++) return false;",
        "if (cells[column] != *key++) return true;",
    ),
    # Executor.
    Mutant(
        "executor.cpp",
        "reads == Reads::kNew ? State::kNew : State::kOld;",
        "reads == Reads::kNew ? State::kOld : State::kNew;",
    ),
    Mutant(
        "executor.cpp",
        "is_settled() && step.same.empty() && step.checks.empty();",
        "is_settled() && step.checks.empty();",
    ),
    Mutant(
        "executor.cpp",
        "is_settled() && step.same.empty() && step.checks.empty();",
        "is_settled() && step.same.empty();",
    ),
    Mutant("executor.cpp", "relation.is_settled() && step.same", "step.same"),
    Mutant("executor.cpp", "if (solution[left] != solution[right]) return false;", ""),
    Mutant("executor.cpp", "    squeeze(frame.origins.get());\n", ""),
    Mutant("executor.cpp", "    squeeze(frame.heights.get());\n", ""),
    # Readers.
    Mutant("readers.cpp", "constants.empty()) {\n        plain_", "true) {\n        plain_"),
    Mutant("readers.cpp", "if (found->second.empty()) own->rules.erase(found);", ""),
    Mutant("readers.cpp", "if (own->rules.empty()) parts_.erase(own);", ""),
    # Aggregates.
    Mutant("aggregates.cpp", "tally.texts != 0 && tally.texts != tally.rows", "false"),
    Mutant(
        "aggregates.cpp",
        "if (tally.floats != 0) return divide(tally, 1,",
        "if (false) return divide(tally, 1,",
    ),
    Mutant("aggregates.cpp", "total.add(tally.sum);", ""),
    Mutant("aggregates.cpp", "!tally.is_ordered && tally.rows <= kFew", "tally.rows <= kFew"),
    Mutant("fold.cpp", "[&](RowId row) { follow(row, -1); }", "[&](RowId) {}"),
    # Rows that are put in at once.
    Mutant("new_rows.cpp", "from_ = last;", "if (last == end) from_ = last;"),
    Mutant("new_rows.h", " && relation.indexes_.empty()", ""),
    Mutant(
        "fold.cpp",
        "if (had_row == has_row && std::equal(after, after + width_, before)) return;",
        "",
    ),
    Mutant("fold.cpp", "if (counts_head && had_row) count(group, before, -1);", ""),
    Mutant("fold.cpp", "-last.step);", "last.step);"),
    Mutant("fold.cpp", "(had_row ? kHasRow : 0)", "kHasRow"),
    Mutant("fold.cpp", "if (is_new && is_changed) settle(group, false);", ""),
)

HARMLESS = {
    "is_redone() || rule->was_empty()) { count": "it saves time: variants come to the same counts",
    "if (lost > most) return false;": "it saves time: deriving anew gives the same rows",
    "run.changes.empty()) guard.lift_limits();": "noticed by tests/properties/test_found_cases.py,"
    " as it takes rules that an engine stops",
}
"""By what a mutant changes why these tests need not notice it."""


def main(arguments: list[str]) -> int:
    """Run the mutants; give 1 when one lives that should not."""
    parser = argparse.ArgumentParser(prog="mutants.py", description=__doc__)
    parser.add_argument("--only", default="", help="those whose name has this text")
    parser.add_argument("--start", type=int, default=0, help="pass over so many")
    given = parser.parse_args(arguments)
    sources = BUILD / "kernel"
    sources.mkdir(parents=True, exist_ok=True)
    for source in (*KERNEL.glob("*.h"), *KERNEL.glob("*.cpp")):
        if not _is_same(source, sources / source.name):
            shutil.copyfile(source, sources / source.name)
    if _build().returncode != 0 or not _passes():
        raise SystemExit("the kernel as it is does not pass")
    lived = 0
    for number, mutant in enumerate(MUTANTS):
        if number >= given.start and given.only in mutant.name:
            lived += not _is_noticed(mutant, sources / mutant.file, number)
    return 1 if lived else 0


def _is_noticed(mutant: Mutant, source: Path, number: int) -> bool:
    """Tell whether a mutant is killed, or known to do no harm."""
    whole = source.read_text()
    if whole.count(mutant.before) != 1:
        raise SystemExit(f"stands there {whole.count(mutant.before)} times: {mutant.name}")
    began = time.monotonic()
    try:
        source.write_text(whole.replace(mutant.before, mutant.after))
        how = "lives"
        if _build().returncode != 0:
            how = "is not C++"
        elif not _passes():
            how = "killed"
    finally:
        source.write_text(whole)
    if how == "lives" and mutant.change in HARMLESS:
        how = "harmless"
    took = time.monotonic() - began
    sys.stdout.write(f"{number:3} {how:10} {took:4.0f} s  {mutant.name}\n")
    sys.stdout.flush()
    return how in ("killed", "harmless")


def _is_same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()


def _build() -> subprocess.CompletedProcess[bytes]:
    kernel, build = f"KERNEL={BUILD}/kernel", f"BUILD={BUILD}"
    # Many mutants leave something unused, about which the compiler would warn.
    command = ["make", "-s", "-C", str(NATIVE), kernel, build, "WARNINGS=-w"]
    target = f"{BUILD}/plain/kernel_tests"
    return subprocess.run([*command, target], capture_output=True, check=False)


def _passes() -> bool:
    """Run the tests; a mutant may also loop or ask for all memory."""
    tests = BUILD / "plain" / "kernel_tests"
    limited = f"ulimit -v 4000000; exec {tests}"
    try:
        done = subprocess.run(
            ["bash", "-c", limited], capture_output=True, timeout=RUN_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
