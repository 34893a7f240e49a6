#include "native.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "call.h"
#include "native_addresses.h"
#include "order.h"

namespace congress {

namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 20;  // code points that a builtin gives

// --- order and equality

// Whether two values have an order: two numbers, or two texts.
bool are_alike(Call& call) {
    const bool is_text = call.values[0].type == Type::kText;
    if (is_text == (call.values[1].type == Type::kText)) return true;
    call.failure = "a number is compared with text";
    return false;
}

bool lt(Call& call) { return are_alike(call) && is_less(call.symbols, call.ids[0], call.ids[1]); }
bool lteq(Call& call) {
    return are_alike(call) && is_less_or_equal(call.symbols, call.ids[0], call.ids[1]);
}
bool gt(Call& call) { return are_alike(call) && is_less(call.symbols, call.ids[1], call.ids[0]); }
bool gteq(Call& call) {
    return are_alike(call) && is_less_or_equal(call.symbols, call.ids[1], call.ids[0]);
}

bool equal(Call& call) {
    if (call.ids[0] == call.ids[1]) return true;
    if (!call.values[0].is_number() || !call.values[1].is_number()) return false;
    return is_less_or_equal(call.symbols, call.ids[0], call.ids[1]) &&
           is_less_or_equal(call.symbols, call.ids[1], call.ids[0]);
}

// Of equal numbers, an integer and a float, both give the first.
std::optional<Id> greater_of(Call& call) {
    if (!are_alike(call)) return std::nullopt;
    return is_less(call.symbols, call.ids[0], call.ids[1]) ? call.ids[1] : call.ids[0];
}
std::optional<Id> lesser_of(Call& call) {
    if (!are_alike(call)) return std::nullopt;
    return is_less(call.symbols, call.ids[1], call.ids[0]) ? call.ids[1] : call.ids[0];
}

// --- texts

bool starts_with(Call& call) { return call.values[0].text.starts_with(call.values[1].text); }
bool ends_with(Call& call) { return call.values[0].text.ends_with(call.values[1].text); }
bool contains(Call& call) {
    return call.values[0].text.find(call.values[1].text) != std::string_view::npos;
}
std::optional<Id> length(Call& call) {
    return call.integer(static_cast<std::int64_t>(code_points(call.values[0].text)));
}

std::optional<Id> joined(Call& call) {
    const auto [x, y] = std::pair(call.values[0].text, call.values[1].text);
    // No text has more code points than bytes: most need no counting.
    if (x.size() + y.size() > kMaxText && code_points(x) + code_points(y) > kMaxText) {
        return call.fail("the resulting text is too long");
    }
    std::string text;
    text.reserve(x.size() + y.size());
    text.append(x).append(y);
    return call.symbols.intern_text(text);
}

// --- arithmetic

bool are_integers(const Call& call) {
    return call.values[0].type == Type::kInteger && call.values[1].type == Type::kInteger;
}

double real_of(const Value& value) {
    return value.type == Type::kInteger ? static_cast<double>(value.integer) : value.real;
}

constexpr const char* kTooWide = "the result does not fit into 64 bits";

std::optional<Id> plus(Call& call) {
    const auto& [x, y] = call.values;
    if (x.type == Type::kText && y.type == Type::kText) return joined(call);
    if (x.type == Type::kText || y.type == Type::kText) {
        return call.fail("a number is added to text");
    }
    if (!are_integers(call)) return call.real(real_of(x) + real_of(y));
    std::int64_t sum = 0;
    if (__builtin_add_overflow(x.integer, y.integer, &sum)) return call.fail(kTooWide);
    return call.integer(sum);
}

std::optional<Id> minus(Call& call) {
    const auto& [x, y] = call.values;
    if (!are_integers(call)) return call.real(real_of(x) - real_of(y));
    std::int64_t difference = 0;
    if (__builtin_sub_overflow(x.integer, y.integer, &difference)) return call.fail(kTooWide);
    return call.integer(difference);
}

std::optional<Id> mul(Call& call) {
    const auto& [x, y] = call.values;
    if (!are_integers(call)) return call.real(real_of(x) * real_of(y));
    std::int64_t product = 0;
    if (__builtin_mul_overflow(x.integer, y.integer, &product)) return call.fail(kTooWide);
    return call.integer(product);
}

std::optional<Id> div(Call& call) {
    const auto& [x, y] = call.values;
    if (real_of(y) == 0.0) return call.fail("division by zero");
    if (!are_integers(call)) return call.real(real_of(x) / real_of(y));
    if (y.integer == -1) {  // the one quotient that may not fit
        std::int64_t opposite = 0;
        if (__builtin_sub_overflow(0, x.integer, &opposite)) return call.fail(kTooWide);
        return call.integer(opposite);
    }
    const bool is_inexact = x.integer % y.integer != 0;
    const bool is_negative = (x.integer < 0) != (y.integer < 0);
    return call.integer(x.integer / y.integer - (is_inexact && is_negative ? 1 : 0));
}

std::optional<Id> mod(Call& call) {
    const auto& [x, y] = call.values;
    if (real_of(y) == 0.0) return call.fail("division by zero");
    if (are_integers(call)) {
        // Ordering: the least integer has no remainder by -1 that the machine could give.
        const std::int64_t rest = y.integer == -1 ? 0 : x.integer % y.integer;
        return call.integer(rest != 0 && (rest < 0) != (y.integer < 0) ? rest + y.integer : rest);
    }
    const double divisor = real_of(y);
    const double rest = std::fmod(real_of(x), divisor);
    return call.real(rest != 0.0 && (rest < 0.0) != (divisor < 0.0) ? rest + divisor : rest);
}

// --- the table

// Parameters have the names and types of the language's builtins: failures tell them.
struct Entry {
    std::string_view name;
    std::array<Parameter, kMaxParameters> parameters;
    Test test = nullptr;
    Function function = nullptr;
};

constexpr std::array kEntries = {
    Entry{"lt", {{{"x", kOrdered}, {"y", kOrdered}}}, lt},
    Entry{"lteq", {{{"x", kOrdered}, {"y", kOrdered}}}, lteq},
    Entry{"gt", {{{"x", kOrdered}, {"y", kOrdered}}}, gt},
    Entry{"gteq", {{{"x", kOrdered}, {"y", kOrdered}}}, gteq},
    Entry{"equal", {{{"x", kAny}, {"y", kAny}}}, equal},
    Entry{"max", {{{"x", kOrdered}, {"y", kOrdered}}}, nullptr, greater_of},
    Entry{"min", {{{"x", kOrdered}, {"y", kOrdered}}}, nullptr, lesser_of},
    Entry{"plus", {{{"x", kOrdered}, {"y", kOrdered}}}, nullptr, plus},
    Entry{"concat", {{{"x", kOrdered}, {"y", kOrdered}}}, nullptr, plus},
    Entry{"minus", {{{"x", kNumber}, {"y", kNumber}}}, nullptr, minus},
    Entry{"mul", {{{"x", kNumber}, {"y", kNumber}}}, nullptr, mul},
    Entry{"div", {{{"x", kNumber}, {"y", kNumber}}}, nullptr, div},
    Entry{"mod", {{{"x", kNumber}, {"y", kNumber}}}, nullptr, mod},
    Entry{"len", {{{"x", kText}}}, nullptr, length},
    Entry{"starts_with", {{{"x", kText}, {"prefix", kText}}}, starts_with},
    Entry{"ends_with", {{{"x", kText}, {"suffix", kText}}}, ends_with},
    Entry{"contains", {{{"x", kText}, {"part", kText}}}, contains},
    Entry{"ips_equal", {{{"a", kWhole}, {"b", kWhole}}}, ips_equal},
    Entry{"ips_lt", {{{"a", kWhole}, {"b", kWhole}}}, ips_lt},
    Entry{"ips_lteq", {{{"a", kWhole}, {"b", kWhole}}}, ips_lteq},
    Entry{"ips_gt", {{{"a", kWhole}, {"b", kWhole}}}, ips_gt},
    Entry{"ips_gteq", {{{"a", kWhole}, {"b", kWhole}}}, ips_gteq},
    Entry{"networks_equal", {{{"a", kText}, {"b", kText}}}, networks_equal},
    Entry{"networks_overlap", {{{"a", kText}, {"b", kText}}}, networks_overlap},
    Entry{"cidr_contains", {{{"outer", kText}, {"inner", kText}}}, cidr_contains},
    Entry{"ip_in_network", {{{"ip", kWhole}, {"network", kText}}}, ip_in_network},
    Entry{"ip_version", {{{"x", kText}}}, nullptr, ip_version},
};

// By Type.
constexpr std::array kTypeNames = {"null", "a boolean", "an integer", "a float", "text"};

class Native final : public Builtin {
public:
    Native(const Entry& entry, std::uint32_t inputs, Symbols& symbols)
        : Builtin(std::string(entry.name), inputs, entry.function == nullptr ? 0 : 1),
          entry_(entry),
          symbols_(symbols) {
        for (std::uint32_t place = 0; place < inputs; ++place) {
            for (std::size_t type = 0; type < kTypeNames.size(); ++type) {
                const std::string name = entry.parameters[place].name;
                misfits_[place][type] = name + " is " + kTypeNames[type];
            }
        }
    }

    std::uint32_t solve(const Id* cells, Buffer<Id>& solutions, const char*& failure) override {
        Call call{symbols_, cells, {}};
        for (std::uint32_t place = 0; place < inputs; ++place) {
            call.values[place] = symbols_.value(cells[place]);
            const Type type = call.values[place].type;
            if ((entry_.parameters[place].types & set_of(type)) != 0) continue;
            // A null operand is no failure: it gives nothing.
            if (type == Type::kNull) return 0;
            failure = misfits_[place][static_cast<std::size_t>(type)].c_str();
            return 0;
        }
        const bool has_answer = entry_.test != nullptr ? entry_.test(call) : give(call, solutions);
        if (call.failure != nullptr) failure = call.failure;
        return has_answer ? 1 : 0;
    }

private:
    bool give(Call& call, Buffer<Id>& solutions) {
        const std::optional<Id> result = entry_.function(call);
        if (result) solutions.push_back(*result);
        return result.has_value();
    }

    const Entry& entry_;
    Symbols& symbols_;
    std::array<std::array<std::string, kTypeNames.size()>, kMaxParameters> misfits_;
};

}  // namespace

std::unique_ptr<Builtin> make_native(std::string_view name, Symbols& symbols) {
    for (const Entry& entry : kEntries) {
        if (entry.name != name) continue;
        const std::uint32_t inputs = entry.parameters[1].name == nullptr ? 1 : 2;
        return std::make_unique<Native>(entry, inputs, symbols);
    }
    return nullptr;
}

}  // namespace congress
