#include "exact_sum.h"

#include <initializer_list>
#include <limits>

#include "harness.h"

namespace congress::tests {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

// The quotient of a sum, or infinity when it is too large.
double rounded(std::initializer_list<double> numbers, std::uint32_t count = 1) {
    ExactSum sum;
    for (const double number : numbers) sum.add(number, 1);
    const auto quotient = sum.divided_by(count);
    return quotient ? *quotient : kInfinite;
}

const Test once("sums are rounded once", [] {
    const double tiny = std::numeric_limits<double>::denorm_min();
    const double huge = std::numeric_limits<double>::max();
    require(rounded({1e308, 1e308, -1e308}) == 1e308, "a sum may be too large on the way");
    require(rounded({0.1, 0.2, 0.3, -0.3, -0.2, -0.1}) == 0.0, "opposites leave nothing");
    require(rounded({1.0, 0x1p-53}) == 1.0, "a tie goes to even, down");
    require(rounded({1.0, 0x1p-52, 0x1p-53}) == 1.0 + 0x1p-51, "a tie goes to even, up");
    require(rounded({1.0, 0x1p-53, tiny}) == 1.0 + 0x1p-52, "more than a tie goes up");
    require(rounded({-1.0, -0x1p-53, -tiny}) == -1.0 - 0x1p-52, "and down for negative ones");
    require(rounded({tiny, tiny, tiny}) == 3 * tiny, "the smallest numbers add up");
    require(rounded({tiny}, 2) == 0.0, "half of the smallest is even zero");
    require(rounded({tiny, tiny, tiny}, 2) == 2 * tiny, "three halves of it are two");
    require(rounded({-tiny}, 3) == 0.0, "a third of it is zero");
    require(rounded({huge, huge}) == kInfinite, "too large");
    require(rounded({huge, huge}, 2) == huge, "an average of large numbers is one");
    require(rounded({huge, 0x1p970}) == kInfinite, "rounds to 2^1024");
    require(rounded({huge, 0x1p969}) == huge, "rounds to the largest");
    require(rounded({1.0, 1.0, 0.0}, 3) == 2.0 / 3.0, "a quotient");
    ExactSum sum;
    sum.add(Wide{std::numeric_limits<std::int64_t>::min()} * 4);
    sum.add(0.5, 1);
    sum.add(0.5, -1);
    require(sum.divided_by(4) == -0x1p63, "integers of more than 64 bits");
});

}  // namespace
}  // namespace congress::tests
