// A call of one of the kernel's own builtins.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include "symbols.h"
#include "value.h"

namespace congress {

constexpr std::size_t kMaxParameters = 2;

// Sets of types, by the names that the language's builtins declare them with.
using Types = unsigned;
constexpr Types set_of(Type type) { return 1u << static_cast<unsigned>(type); }
constexpr Types kText = set_of(Type::kText);
constexpr Types kNumber = set_of(Type::kInteger) | set_of(Type::kFloat);
constexpr Types kOrdered = kNumber | kText;
constexpr Types kWhole = set_of(Type::kInteger) | kText;
constexpr Types kAny = kOrdered | set_of(Type::kBoolean) | set_of(Type::kNull);

struct Parameter {
    const char* name = nullptr;
    Types types = 0;
};

struct Call {
    Symbols& symbols;
    const Id* ids;
    std::array<Value, kMaxParameters> values;
    const char* failure = nullptr;

    // Ends a call that has no answer.
    std::nullopt_t fail(const char* reason) {
        failure = reason;
        return std::nullopt;
    }
    std::optional<Id> integer(std::int64_t result) { return symbols.intern_integer(result); }
    std::optional<Id> real(double result) {
        if (!std::isfinite(result)) return fail("the result is not a finite number");
        return symbols.intern_float(result);
    }
};

using Test = bool (*)(Call&);
using Function = std::optional<Id> (*)(Call&);

// The length of a text.
inline std::size_t code_points(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // not the rest of one
    }));
}

}  // namespace congress
