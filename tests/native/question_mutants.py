"""Mutants of questions, of what stops a call, and of where memory comes from."""

from __future__ import annotations

from mutant import Mutant

QUESTION_MUTANTS = (
    # Pages.
    Mutant(
        "pages.cpp", "!is_before(after, relation.row(row))", "is_before(relation.row(row), after)"
    ),
    Mutant("pages.cpp", "            if (!by_cells(row, page.front())) continue;\n", ""),
    Mutant("pages.cpp", "            std::ranges::pop_heap(page, by_cells);\n", ""),
    Mutant("pages.cpp", "        if (!relation.is_in(row, State::kNew)) continue;\n", ""),
    Mutant("pages.cpp", "    std::ranges::sort_heap(page, by_cells);\n", ""),
    Mutant("pages.cpp", " && limit != 0;", ";"),
    Mutant("pages.cpp", "column < width; ++column", "column + 1 < width; ++column"),
    Mutant("pages.cpp", "        watch.spend(1);\n", ""),
    # Questions that are prepared, and answers that are kept.
    Mutant(
        "bindings_prepared.cpp",
        "self.plan == nullptr || self.meaning != host.meaning()",
        "self.plan == nullptr",
    ),
    Mutant("bindings_prepared.cpp", " || Entrance::is_late()", ""),
    Mutant("bindings_prepared.cpp", " || host.is_busy()", ""),
    Mutant("bindings_prepared.cpp", "    own.hot->clear();\n", ""),
    Mutant("bindings_hot_keys.cpp", " && place.version == version", ""),
    Mutant("bindings_hot_keys.cpp", "&& is_same(place, question)", "&& place.values"),
    Mutant(
        "bindings_hot_keys.cpp", "    if (Py_TYPE(left) != Py_TYPE(right)) return false;\n", ""
    ),
    Mutant("bindings_hot_keys.cpp", "    if (places_ == nullptr) return;\n", ""),
    Mutant(
        "bindings_answers.cpp", "std::min(few.max_bindings, kBindingsAtOnce);", "few.max_bindings;"
    ),
    Mutant("bindings_answers.cpp", "    guard.refuse_rows(answers.size());\n", ""),
    Mutant(
        "bindings_answers.cpp",
        "    found_.reset(static_cast<std::uint32_t>(compiled.plan->head.size()));\n",
        "",
    ),
    Mutant("bindings_answers.cpp", "    if (after && after->empty()) return rows;", "   "),
    Mutant(
        "bindings_answers.cpp",
        "return found != kNoRow && relation.is_in(found, State::kNew) ? found : kNoRow;",
        "return found;",
    ),
    # Looks at the clock and at whether the call is cancelled.
    Mutant("guard.h", "        watch_.spend(kPerRun, rule_);\n", ""),
    Mutant("guard.h", "        spent_ += bindings;\n", ""),
    Mutant(
        "kernel.cpp",
        "        watch_.spend(1);\n        const RowId row",
        "        const RowId row",
    ),
    Mutant("kernel.cpp", "        watch_.spend(1);\n        if (changed", "        if (changed"),
    Mutant("kernel.cpp", "        watch_.spend(size);\n", ""),
    Mutant("maintenance.cpp", "            watch_.spend(1);\n", ""),
    Mutant("executor.cpp", "        run_->guard->spend(found.length);\n", ""),
    Mutant(
        "executor.cpp",
        "        run_->guard->spend(step.reads_changes ? run_->changes.size() : end);\n",
        "",
    ),
    Mutant("executor.cpp", "        run_->guard->spend(step.constants.size());\n", ""),
    Mutant("executor.cpp", "        if (place > kBatch) run_->guard->pass(place);\n", ""),
    Mutant(
        "executor.cpp",
        "        run_->guard->spend(std::uint64_t{count} + 1);\n",
        "        run_->guard->spend(count);\n",
    ),
    Mutant("new_rows.cpp", "        guard.pass(last - block);\n", ""),
    Mutant("crossings.cpp", "        guard.pass(before.size());\n", ""),
    # Memory.
    Mutant("blocks.h", "        if (before != 0) std::memcpy(made, block, before);\n", ""),
    Mutant("blocks.h", "        std::free(block);\n        return made;", "        return made;"),
    Mutant("blocks.h", "        if (bytes < kLarge) {\n", "        if (bytes <= kLarge) {\n"),
    Mutant("blocks.h", "        cut(grown, bytes);\n", ""),
    Mutant("blocks.h", "        cut(made, bytes);\n", ""),
)
