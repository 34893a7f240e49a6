"""Mutants of what recursive tables are found by: searches, rows put in at once, heights."""

from __future__ import annotations

from mutant import Mutant

RECURSION_MUTANTS = (
    # Searches.
    Mutant("closure.cpp", "std::max(height + 1, graph_.height(edge));", "height + 1;"),
    Mutant(
        "closure.cpp",
        "std::max(height + 1, graph_.height(edge));",
        "std::max(height, graph_.height(edge));",
    ),
    Mutant("closure.cpp", "        seen_[node] = searches_;\n", ""),
    Mutant(
        "closure.cpp",
        "if (node == EdgeGraph::kNoNode) continue;",
        "if (node == EdgeGraph::kNoNode) break;",
    ),
    Mutant("closure.cpp", "place < first_[group + 1];", "place + 1 < first_[group + 1];"),
    Mutant("closure.cpp", "if (column != column_ && table_", "if (table_"),
    Mutant("closure.cpp", ".row, begun, end);", ".row, 0, end);"),
    Mutant("closure.cpp", "&heights_[from], count, shown_);", "heights_.data(), count, shown_);"),
    Mutant(
        "closure.cpp", "bindings_[height] += last - first;", "bindings_[height] = last - first;"
    ),
    Mutant("closure.cpp", "    for (const RowId row : shown_) table_.hide(row);\n", ""),
    Mutant(
        "closure.cpp",
        "= cells_[node];\n    cells_.swap",
        "= cells_[numbers[node]];\n    cells_.swap",
    ),
    Mutant(
        "closure.cpp",
        "    slots_.renumber([&](std::uint32_t node) { return numbers[node]; });\n",
        "",
    ),
    Mutant("closure.cpp", "    order_edges(guard);\n    edges_.free", "    edges_.free"),
    Mutant("maintain_closures.cpp", "        closure.take_back();\n", ""),
    Mutant(
        "maintain_closures.cpp",
        "component.rules) {\n        if (std::ranges::count(ids, rule->id) != 0) ",
        "component.rules) {\n        ",
    ),
    Mutant("maintain_closures.cpp", "        Run how = within(component);", "        Run how;"),
    Mutant(
        "maintain_closures.cpp", "    insert_from_below(component, old_rules.from_below);\n", ""
    ),
    Mutant("maintain_closures.cpp", "|| edges > most)", "|| edges < most)"),
    # Rows that are taken away.
    Mutant("maintenance.cpp", "    empty(component);\n    start_afresh", "    start_afresh"),
    Mutant(
        "maintenance.cpp",
        "            forget_suspects(component);\n            derive_anew",
        "            derive_anew",
    ),
    Mutant("maintenance.cpp", "            table->set_support(row, 0);\n", ""),
    Mutant(
        "maintenance.cpp",
        "        lost_[place].append(level_[place].data(), level_[place].size());\n",
        "",
    ),
    Mutant("maintenance.cpp", "if (found_[origin] != 0) continue;\n", ""),
    # Rows that are put in at once.
    Mutant("new_rows.cpp", "    relation_.size_ -= relation_.end() - from_;\n", ""),
    Mutant("new_rows.cpp", "    relation_.truncate_support(from_);\n", ""),
    Mutant("new_rows.cpp", "*std::max_element(supports, supports + count)", "*supports"),
    Mutant("new_rows.cpp", "fetch(block + kAhead);", "fetch(block);"),
    Mutant("new_rows.cpp", "        relation.symbols_.retain(cells[column]);\n", ""),
    # Literals that are only asked whether a row is there.
    Mutant(
        "executor.cpp",
        "            if (!relation.is_in(row, state)) continue;\n            is_there",
        "            is_there",
    ),
    Mutant("executor.cpp", "if (!has_height) break;", "break;"),
    Mutant(
        "executor.cpp",
        "lowest = std::min(lowest, relation.support(row));",
        "lowest = relation.support(row);",
    ),
    Mutant("executor.cpp", "lowest < run_->bounds", "lowest <= run_->bounds"),
    Mutant("executor.cpp", "std::max(frame.heights[n], lowest + 1);", "lowest + 1;"),
    Mutant("executor.cpp", "support < run_->bounds", "support <= run_->bounds"),
    Mutant("executor.cpp", "std::max(frame.heights[n], support + 1);", "support + 1;"),
)
