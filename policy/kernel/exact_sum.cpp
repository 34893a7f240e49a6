#include "exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace congress {

namespace {

constexpr int kMantissa = 53;  // bits of a double

}  // namespace

void ExactSum::add(double real, int step) {
    const auto bits = std::bit_cast<std::uint64_t>(real);
    const auto exponent = static_cast<int>(bits >> 52 & 0x7FF);
    std::uint64_t mantissa = bits & ((std::uint64_t{1} << 52) - 1);
    if (exponent != 0) mantissa |= std::uint64_t{1} << 52;
    // The smallest normal numbers and those below have the same unit.
    add_at(exponent == 0 ? 0 : exponent - 1, mantissa, std::signbit(real) != (step < 0));
}

void ExactSum::add(Wide integer) {
    const bool is_negative = integer < 0;
    __extension__ typedef unsigned __int128 UnsignedWide;
    const auto given = static_cast<UnsignedWide>(integer);
    const UnsignedWide magnitude = is_negative ? 0 - given : given;
    add_at(kOne, static_cast<std::uint64_t>(magnitude), is_negative);
    add_at(kOne + 64, static_cast<std::uint64_t>(magnitude >> 64), is_negative);
}

void ExactSum::add_at(int bit, std::uint64_t magnitude, bool is_negative) {
    const int shift = bit % 64;
    const std::uint64_t low = magnitude << shift;
    std::uint64_t high = shift == 0 ? 0 : magnitude >> (64 - shift);
    int word = bit / 64;
    // The carry fits into the upper part, which has a zero bit at least.
    if (is_negative) {
        if (__builtin_sub_overflow(words_[word], low, &words_[word])) ++high;
        ++word;
        for (; high != 0 && word < kWords; ++word) {
            high = __builtin_sub_overflow(words_[word], high, &words_[word]) ? 1 : 0;
        }
    } else {
        if (__builtin_add_overflow(words_[word], low, &words_[word])) ++high;
        ++word;
        for (; high != 0 && word < kWords; ++word) {
            high = __builtin_add_overflow(words_[word], high, &words_[word]) ? 1 : 0;
        }
    }
}

void ExactSum::drop_sign() {
    if (!is_negative()) return;
    bool carries = true;
    for (std::uint64_t& word : words_) {
        word = ~word + (carries ? 1 : 0);
        carries = carries && word == 0;
    }
}

std::uint64_t ExactSum::divide(std::uint32_t count) {
    if (count == 1) return 0;
    std::uint64_t rest = 0;  // below `count`, so that it and half a word fit into a word
    for (int word = kWords - 1; word >= 0; --word) {
        const std::uint64_t upper = rest << 32 | words_[word] >> 32;
        const std::uint64_t lower = (upper % count) << 32 | (words_[word] & 0xFFFF'FFFF);
        words_[word] = (upper / count) << 32 | lower / count;
        rest = lower % count;
    }
    return rest;
}

int ExactSum::highest_bit() const {
    for (int word = kWords - 1; word >= 0; --word) {
        if (words_[word] != 0) return word * 64 + 63 - std::countl_zero(words_[word]);
    }
    return -1;
}

std::uint64_t ExactSum::bits_from(int bit) const {
    const int word = bit / 64;
    const int shift = bit % 64;
    std::uint64_t bits = words_[word] >> shift;
    if (shift != 0 && word + 1 < kWords) bits |= words_[word + 1] << (64 - shift);
    return bits;
}

bool ExactSum::has_bits_below(int bit) const {
    for (int word = 0; word < bit / 64; ++word) {
        if (words_[word] != 0) return true;
    }
    return bit % 64 != 0 && words_[bit / 64] << (64 - bit % 64) != 0;
}

std::optional<double> ExactSum::divided_by(std::uint32_t count) const {
    ExactSum quotient = *this;
    quotient.drop_sign();
    const std::uint64_t rest = quotient.divide(count);
    const int dropped = std::max(quotient.highest_bit() + 1 - kMantissa, 0);
    std::uint64_t mantissa = quotient.bits_from(dropped);
    // What is cut off against one half: to even when it is exactly that.
    bool is_half = 2 * rest == count;
    bool is_more = 2 * rest > count;
    if (dropped != 0) {
        const bool has_half = (quotient.bits_from(dropped - 1) & 1) != 0;
        const bool has_less = rest != 0 || quotient.has_bits_below(dropped - 1);
        is_half = has_half && !has_less;
        is_more = has_half && has_less;
    }
    if (is_more || (is_half && (mantissa & 1) != 0)) ++mantissa;
    const double rounded = std::ldexp(static_cast<double>(mantissa), dropped - kOne);
    if (std::isinf(rounded)) return std::nullopt;
    return is_negative() ? 0.0 - rounded : rounded;
}

}  // namespace congress
