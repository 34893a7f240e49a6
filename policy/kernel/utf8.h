// What a table may hold as text.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace congress {

// How many bytes the character at `at` takes; 0: it is not UTF-8. Source: RFC 3629, section 4.
inline std::size_t character_size(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t n) {
        return at + n < text.size() ? static_cast<std::uint8_t>(text[at + n]) : std::uint8_t{0};
    };
    const auto follows = [&](std::size_t n) { return (byte(n) & 0xC0) == 0x80; };
    const std::uint8_t first = byte(0);
    const std::uint8_t second = byte(1);
    if (first < 0x80) return 1;
    if (first < 0xC2) return 0;
    if (first < 0xE0) return follows(1) ? 2 : 0;
    if (first < 0xF0) {
        const bool is_short = first == 0xE0 && second < 0xA0;
        const bool is_surrogate = first == 0xED && second >= 0xA0;
        return follows(1) && follows(2) && !is_short && !is_surrogate ? 3 : 0;
    }
    const bool is_outside = (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90);
    return first < 0xF5 && follows(1) && follows(2) && follows(3) && !is_outside ? 4 : 0;
}

inline bool is_utf8(std::string_view text) {
    constexpr std::uint64_t kHigh = 0x8080'8080'8080'8080;
    std::size_t at = 0;
    while (at < text.size()) {
        std::uint64_t eight = 0;
        while (at + sizeof eight <= text.size()) {
            std::memcpy(&eight, text.data() + at, sizeof eight);
            if ((eight & kHigh) != 0) break;
            at += sizeof eight;
        }
        if (at == text.size()) break;
        const std::size_t size = character_size(text, at);
        if (size == 0) return false;
        at += size;
    }
    return true;
}

inline bool has_nul(std::string_view text) {
    return !text.empty() && std::memchr(text.data(), 0, text.size()) != nullptr;
}

// Why no table may hold a text, null when one may.
inline const char* flaw_of_text(std::string_view text) {
    if (has_nul(text)) return "text with NUL";
    return is_utf8(text) ? nullptr : "text that is not UTF-8";
}

}  // namespace congress
