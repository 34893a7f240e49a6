"""Mutants of transactions: what a rollback takes back, and what rules that are no joins know."""

from __future__ import annotations

from mutant import Mutant

TRANSACTION_MUTANTS = (
    # Rollback of the whole.
    Mutant("kernel.cpp", "    for (Relation* relation : dirty_) relation->undo_step();\n", ""),
    Mutant("kernel.cpp", "    ++span_;\n    forget_work();\n", "    ++span_;\n"),
    Mutant("kernel.cpp", "        component->work = {};\n", ""),
    Mutant("kernel.cpp", "        component->is_queued = false;\n", ""),
    Mutant(
        "kernel.cpp",
        "component->work.touched) rule->is_touched = false;",
        "component->work.touched) {}",
    ),
    Mutant("kernel.cpp", "        enlist(removed);  // where it has been: there is room\n", ""),
    Mutant("kernel.cpp", "        removed.is_removed = false;\n", ""),
    Mutant("kernel.cpp", "            member.relation->set_kind(kind);\n", ""),
    Mutant(
        "kernel.cpp", "            for (Rule* rule : member.rules) rule->component = before;\n", ""
    ),
    Mutant("kernel.cpp", "        stop_reading(*added);\n", ""),
    Mutant("kernel.cpp", "        delist(*added);\n", ""),
    Mutant("kernel.cpp", "            kept_followers_.pop_back();\n", ""),
    Mutant(
        "kernel.cpp",
        "    note([&changed, before = changed.order] { changed.order = before; });\n",
        "",
    ),
    Mutant("kernel.cpp", "    note([this] { at_commit_.pop_back(); });\n", ""),
    Mutant(
        "kernel.cpp",
        "        at_commit_.pop_back();\n        component.is_left = false;",
        "        at_commit_.pop_back();",
    ),
    Mutant("kernel.cpp", "    ++version_;\n    ++span_;\n", "    ++span_;\n"),
    # … and of a table.
    Mutant("relation.cpp", "        write_support(entry.row, entry.support);\n", ""),
    Mutant("relation.cpp", "    truncate_support(from);\n", ""),
    Mutant("relation.cpp", "        hidden_ += !entry.was_there;\n", ""),
    Mutant("relation.cpp", "        if (state == kOld) ++hidden_;\n", ""),
    Mutant("relation.cpp", "log.appended_to = end();", "log.appended_to = appended_from_;"),
    Mutant(
        "relation.cpp",
        "    take_back(touched_, appended_from_);\n    touched_.clear();",
        "    take_back(touched_, appended_from_);",
    ),
    # Followers.
    Mutant("follower.cpp", "++(kept_.empty() ? idle_ : kept_.back().idle);", ""),
    Mutant("follower.cpp", "    if (mark.is_load) is_loaded_ = false;\n", ""),
    Mutant(
        "follower.cpp",
        "    take_back_to(present_);\n    is_dirty_ = false;",
        "    take_back_to(present_);",
    ),
    Mutant("follower.cpp", "    idle_ = 0;\n", ""),
    Mutant("fold.cpp", "(flags_[group] & kListed) |", ""),
    Mutant("fold.cpp", "        flags_[group] &= kHasRow;\n", ""),
    # Indexes by crossing time.
    Mutant("crossings.cpp", "std::ranges::upper_bound(turns", "std::ranges::lower_bound(turns"),
    Mutant(
        "crossings.cpp",
        "upper_bound({after, std::numeric_limits<Id>::max()})",
        "lower_bound({after, 0})",
    ),
    Mutant("crossings.cpp", "entry->moment <= until", "entry->moment < until"),
    Mutant("crossings.cpp", "4 * (AgeCondition::kMost / 2 - 1)", "AgeCondition::kMost"),
    Mutant(
        "crossings.cpp",
        "            if (condition_.passed(earlier - entry.moment) != turn) return;\n",
        "",
    ),
    Mutant("crossings.cpp", "if (held != condition_.holds(to - entry.moment)) count", "count"),
    Mutant(
        "crossings.cpp",
        "std::size_t n = both; n < come.size()",
        "std::size_t n = 0; n < come.size()",
    ),
    Mutant("crossings.cpp", "std::size_t n = present().changes; n <", "std::size_t n = 0; n <"),
    Mutant(
        "crossings.cpp",
        "before = times(State::kOld, nullptr)",
        "before = times(State::kNew, nullptr)",
    ),
    Mutant("crossings.cpp", "    if (mark.is_load) entries_.clear();\n", ""),
    Mutant("crossings.cpp", "            entries_.insert(std::move(last.taken_out));\n", ""),
    # Groups of rows.
    Mutant(
        "groups.cpp",
        "rows != 0) return false;\n    }\n    return true;",
        "rows == 0) return true;\n    }\n    return false;",
    ),
    Mutant("groups.cpp", "is_order_kept_ && needs_[input].order;", "false;"),
    Mutant("groups.cpp", "            sums_[changed.exact] = {};\n", ""),
    Mutant(
        "groups.cpp",
        "changed.others += more;\n            return;",
        "changed.others += more;\n            break;",
    ),
    Mutant("groups.cpp", "if (trimmed.floats == 0) free_sum", "free_sum"),
    Mutant("groups.cpp", " && width_ != 0) drop_tree", ") drop_tree"),
    Mutant("groups.cpp", "        free_sum(freed);\n", ""),
    Mutant("groups.cpp", "        drop_tree(freed);\n", ""),
    Mutant("groups.cpp", "* width_ + column] = 0;", "* width_ + column];"),
    Mutant("groups.cpp", "        symbols_.release(key(group)[column]);\n", ""),
    Mutant("groups.cpp", "    is_order_kept_ = false;\n", ""),
    Mutant("groups.cpp", "        hashes_[group] = hash;\n", ""),
)
