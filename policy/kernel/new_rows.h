// Rows that are put into a relation in bulk, known to be different and not to be there.
#pragma once

#include <cstdint>

#include "guard.h"
#include "relation.h"

namespace congress {

// First the rows are written behind those that are there, then `place` enters all in the set at
// once: its slots are asked for once, and no row is compared with another.
// Promises: a `write` that throws has changed nothing. Rows that are not placed go again; those that
// were, before `place` threw, are the step's.
class NewRows {
public:
    // Opens the step of a relation that it fits. Until `place` nobody else changes the relation or
    // looks for rows.
    explicit NewRows(Relation& relation);
    ~NewRows();
    NewRows(const NewRows&) = delete;
    NewRows& operator=(const NewRows&) = delete;

    // Whether rows can be put in this way now: in all places of the relation are rows of the new
    // state, so that one that is not there is in none, and no index wants to be kept.
    static bool fits(const Relation& relation) {
        return relation.size() == relation.end() && relation.indexes_.empty();
    }

    // Writes the row `like` once for each of `count` cells, which take the place of `column`.
    void write(RowId like, std::uint32_t column, const Id* cells, const std::uint32_t* supports,
               std::uint32_t count);
    // Raises: std::bad_alloc, and as Guard::pass.
    void place(Guard& guard);

private:
    void write_supports(const std::uint32_t* supports, std::uint32_t count);
    void enter(RowId row, std::uint32_t hash);

    Relation& relation_;
    RowId from_;   // the first row that is not in the set
};

}  // namespace congress
