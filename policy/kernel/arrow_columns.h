// Columns that read Arrow's memory.
//
// What another library hands over is checked as far as it can be: lengths and offsets against each
// other, pointers that may not be null, texts. How long a buffer really is Arrow does not tell.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow.h"
#include "columns.h"

namespace congress {

struct NamedColumn {
    std::string name;
    std::shared_ptr<Column> column;
};

// Called for each chunk; throws when somebody asked to stop.
using ArrowPoll = BulkRows::Poll;

// The columns of a table: of a struct, or of a stream of structs; or, with `is_table` false, the
// one column of anything else. The structures given are moved out of, also on failure.
// Raises: InvalidColumns.
std::vector<NamedColumn> read_arrow(ArrowSchema& schema, ArrowArray& array, bool is_table);
std::vector<NamedColumn> read_arrow(ArrowArrayStream& stream, bool is_table,
                                    const ArrowPoll& poll);

}  // namespace congress
