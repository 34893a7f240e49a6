// Rows that are put into a relation in bulk, known to be different and not to be there.
#pragma once

#include <cstdint>

#include "relation.h"

namespace congress {

// First the rows are written behind those that are there, then `place` enters all in the set at
// once: its slots are asked for once, and no row is compared with another.
// Promises: a change that throws has changed nothing; without `place` the rows go again.
class NewRows {
public:
    // Opens the relation's step. Until `place` nobody else changes the relation or looks for rows.
    explicit NewRows(Relation& relation);
    ~NewRows();
    NewRows(const NewRows&) = delete;
    NewRows& operator=(const NewRows&) = delete;

    // Whether rows can be put in this way: no place of the relation is free or hidden, and no index
    // wants to be kept.
    static bool fits(const Relation& relation) {
        return relation.end() == 0 && relation.indexes_.empty();
    }

    // Writes the row `like` once for each of `count` cells, which take the place of `column`.
    void write(RowId like, std::uint32_t column, const Id* cells, const std::uint32_t* supports,
               std::uint32_t count);
    // Raises: std::bad_alloc.
    void place();

private:
    void write_supports(const std::uint32_t* supports, std::uint32_t count);
    void enter(RowId row, std::uint32_t hash);

    Relation& relation_;
    RowId from_;   // the first row that is not in the set
};

}  // namespace congress
