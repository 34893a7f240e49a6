// Sums of numbers without any rounding.
#pragma once

#include <cstdint>
#include <optional>

namespace congress {

__extension__ typedef __int128 Wide;

// A sum in units of 2^-1074, of which every finite double is a multiple: two's complement, wide
// enough for 2^64 of the largest doubles.
// Promises: neither the order nor what was added and taken away again on the way matters.
// Cost: a few words per number.
class ExactSum {
public:
    // Adds a finite number, or takes it away (`step` -1).
    void add(double real, int step);
    void add(Wide integer);

    // The sum divided by a count, which is not 0, correctly rounded; none when it is too large.
    std::optional<double> divided_by(std::uint32_t count) const;

private:
    static constexpr int kWords = 34;
    static constexpr int kOne = 1074;  // the bit that is worth 1

    void add_at(int bit, std::uint64_t magnitude, bool is_negative);
    bool is_negative() const { return words_[kWords - 1] >> 63 != 0; }
    // Makes it its absolute value.
    void drop_sign();
    // Leaves the quotient, gives the remainder.
    std::uint64_t divide(std::uint32_t count);
    int highest_bit() const;  // -1: the sum is 0
    // The 64 bits from `bit` on.
    std::uint64_t bits_from(int bit) const;
    bool has_bits_below(int bit) const;

    std::uint64_t words_[kWords] = {};
};

}  // namespace congress
