// Hashes of cells and of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "value.h"

namespace congress {

constexpr std::uint64_t kOdd1 = 0x9E3779B97F4A7C15ull;
constexpr std::uint64_t kOdd2 = 0xD6E8FEB86659FD93ull;

// What tests of the tables built on hashes ask for: sixteen of them, at both ends of every table.
#ifdef CONGRESS_BAD_HASH
constexpr bool kIsBadHash = true;
#else
constexpr bool kIsBadHash = false;
#endif

inline std::uint32_t mix(std::uint64_t word) {
    word *= kOdd1;
    word ^= word >> 32;
    word *= kOdd2;
    const auto hash = static_cast<std::uint32_t>(word >> 32);
    if constexpr (kIsBadHash) return (hash & 8) != 0 ? ~(hash & 7) : hash & 7;
    return hash;
}

// A bijection: equal hashes of single cells mean equal cells.
// Source: the finalizer of MurmurHash3 (Austin Appleby, public domain).
inline std::uint32_t hash_cell(Id cell) {
    if constexpr (kIsBadHash) return cell;
    cell ^= cell >> 16;
    cell *= 0x85EBCA6Bu;
    cell ^= cell >> 13;
    cell *= 0xC2B2AE35u;
    return cell ^ cell >> 16;
}

// The hash of a row, or of the key of an index: cells in the order given.
inline std::uint32_t hash_cells(const Id* cells, std::size_t count) {
    if (count == 2) return mix(std::uint64_t{cells[0]} << 32 | cells[1]);
    if (count == 1) return hash_cell(cells[0]);
    std::uint64_t word = count;
    std::size_t place = 0;
    for (; place + 1 < count; place += 2) {
        word = (word ^ (std::uint64_t{cells[place]} << 32 | cells[place + 1])) * kOdd1;
        word ^= word >> 32;
    }
    if (place < count) word ^= cells[place];
    return mix(word);
}

inline std::uint32_t hash_bytes(std::string_view text) {
    std::uint64_t word = text.size() * kOdd2;
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left >= 8; left -= 8, at += 8) {
        std::uint64_t part = 0;
        std::memcpy(&part, at, 8);
        word = (word ^ part) * kOdd1;
        word ^= word >> 32;
    }
    std::uint64_t rest = 0;
    std::memcpy(&rest, at, left);
    return mix(word ^ rest);
}

}  // namespace congress
