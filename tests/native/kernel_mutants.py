"""Changes of one place in the kernel, each of which the kernel's tests must notice."""

from __future__ import annotations

from mutant import Mutant
from question_mutants import QUESTION_MUTANTS
from recursion_mutants import RECURSION_MUTANTS
from transaction_mutants import TRANSACTION_MUTANTS

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
        "is_taken_out = run.reads == Reads::kOld && run.changes.empty();",
        "is_taken_out = false;",
    ),
    Mutant(
        "maintenance.cpp",
        "is_taken_out || !rule.is_limited) guard",
        "is_taken_out) guard",
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
    # Rows that are put in at once.
    Mutant("new_rows.cpp", "from_ = last;", "if (last == end) from_ = last;"),
    Mutant("new_rows.h", " && relation.indexes_.empty()", ""),
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
    Mutant(
        "fold.cpp",
        "if (had_row == has_row && std::equal(after, after + width_, before)) return;",
        "",
    ),
    Mutant("fold.cpp", "if (counts_head && had_row) count(group, before, -1);", ""),
    Mutant("fold.cpp", "-last.step);", "last.step);"),
    Mutant("fold.cpp", "(had_row ? kHasRow : 0)", "kHasRow"),
    Mutant("fold.cpp", "if (is_new && is_changed) settle(group, false);", ""),
    *RECURSION_MUTANTS,
    *TRANSACTION_MUTANTS,
    *QUESTION_MUTANTS,
)

HARMLESS = {
    "if (found->second.empty()) own->rules.erase(found);": "it saves memory: no rule is reached"
    " by an empty list",
    "if (own->rules.empty()) parts_.erase(own);": "it saves time: no rule is reached by an empty"
    " list",
    "!tally.is_ordered && tally.rows <= kFew": "it saves time: a few rows in order have the same"
    " ends when gone through",
    "member.relation->set_kind(kind);": "a table keeps counts and heights in the same way",
    "idle_ = 0;": "no more steps are taken back than were kept: what is left over is never"
    " used up",
    "sums_[changed.exact] = {};": "a sum that was freed has given back, exactly, all that it took",
    "drop_tree(freed);": "a group without rows has no values: those were forgotten before",
    "forget_suspects(component); derive_anew": "all rows are hidden then, and a row that a step"
    " touched loses the mark at its end",
    "table->set_support(row, 0);": "nobody reads the support of a hidden row, and showing it"
    " writes another",
    "if (found_[origin] != 0) continue;": "one instance is as good as another: the rows of each"
    " are there, and lower",
    "lowest = std::min(lowest, relation.support(row));": "it saves time: a row that is withdrawn"
    " though a lower one holds it comes back",
    "own.hot->clear();": "it saves memory: a change of what questions mean is a step, and an"
    " answer of the version before is not found any more",
}
"""By what a mutant changes why these tests need not notice it."""
