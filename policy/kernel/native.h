// The builtins that the kernel has itself, because rules call them for every row.
#pragma once

#include <memory>
#include <string_view>

#include "builtin.h"
#include "symbols.h"

namespace congress {

// The kernel's own implementation of a builtin, or null. It answers as the one of the language does.
std::unique_ptr<Builtin> make_native(std::string_view name, Symbols& symbols);

}  // namespace congress
