#include "addresses.h"

#include <algorithm>
#include <array>
#include <bit>

namespace congress {

namespace {

constexpr std::uint32_t kAllOfIpv4 = 0xFFFF'FFFF;
constexpr std::size_t kHextets = 8;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads one part of an IPv4 address, up to a dot or the end; false: it is none.
bool read_octet(std::string_view& text, std::uint32_t& bits) {
    std::size_t length = 0;
    std::uint32_t octet = 0;
    for (; length < text.size() && text[length] != '.'; ++length) {
        if (length == 3 || !is_digit(text[length])) return false;
        octet = octet * 10 + static_cast<std::uint32_t>(text[length] - '0');
    }
    // A leading zero is refused: some read such a number as octal.
    if (length == 0 || octet > 255 || (length > 1 && text[0] == '0')) return false;
    bits = bits << 8 | octet;
    text.remove_prefix(length);
    return true;
}

std::optional<std::uint32_t> read_ipv4(std::string_view text) {
    std::uint32_t bits = 0;
    for (int octet = 0; octet < 4; ++octet) {
        if (octet != 0) {
            if (text.empty()) return std::nullopt;
            text.remove_prefix(1);  // the dot at which the octet before ended
        }
        if (!read_octet(text, bits)) return std::nullopt;
    }
    return text.empty() ? std::optional(bits) : std::nullopt;
}

std::optional<std::uint32_t> read_hextet(std::string_view text) {
    if (text.empty() || text.size() > 4) return std::nullopt;
    std::uint32_t bits = 0;
    for (const char c : text) {
        const char lower = static_cast<char>(c | 0x20);
        if (is_digit(c)) {
            bits = bits << 4 | static_cast<std::uint32_t>(c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            bits = bits << 4 | static_cast<std::uint32_t>(lower - 'a' + 10);
        } else {
            return std::nullopt;
        }
    }
    return bits;
}

// What stands between the colons, each part a hextet or nothing.
struct Parts {
    std::array<std::string_view, kHextets + 1> texts;
    std::size_t size = 0;
    std::optional<std::uint32_t> suffix;  // the last two hextets, written as IPv4

    std::size_t hextets() const { return size + (suffix ? 2 : 0); }
    bool is_blank(std::size_t place) const { return place < size && texts[place].empty(); }
};

std::optional<Parts> split(std::string_view text) {
    Parts parts;
    while (true) {
        const std::size_t colon = text.find(':');
        const bool is_last = colon == std::string_view::npos;
        const std::string_view part = text.substr(0, colon);
        if (is_last && part.find('.') != std::string_view::npos) {
            parts.suffix = read_ipv4(part);
            const bool fits = parts.size >= 2 && parts.hextets() <= kHextets + 1;
            return parts.suffix && fits ? std::optional(parts) : std::nullopt;
        }
        if (parts.size == parts.texts.size()) return std::nullopt;
        parts.texts[parts.size++] = part;
        if (is_last) return parts.size >= 3 ? std::optional(parts) : std::nullopt;
        text.remove_prefix(colon + 1);
    }
}

// Appends the hextets of [from, to) to the bits; false: one is none.
bool read_hextets(const Parts& parts, std::size_t from, std::size_t to, AddressBits& bits) {
    for (std::size_t place = from; place < std::min(to, parts.size); ++place) {
        const auto hextet = read_hextet(parts.texts[place]);
        if (!hextet) return false;
        bits = bits << 16 | *hextet;
    }
    if (to > parts.size && parts.suffix) bits = bits << 32 | *parts.suffix;
    return true;
}

std::optional<AddressBits> read_ipv6(std::string_view text) {
    const auto parts = split(text);
    if (!parts) return std::nullopt;
    const std::size_t count = parts->hextets();
    std::size_t gap = 0;  // the place of `::`; 0: there is none
    for (std::size_t place = 1; place + 1 < count; ++place) {
        if (!parts->is_blank(place)) continue;
        if (gap != 0) return std::nullopt;
        gap = place;
    }
    AddressBits bits = 0;
    if (gap == 0) {  // a blank at an end is no hextet, and so is refused with the others
        const bool is_good = count == kHextets && read_hextets(*parts, 0, count, bits);
        return is_good ? std::optional(bits) : std::nullopt;
    }
    // A colon at an end belongs to the gap, or is too much.
    const bool is_blank_first = parts->is_blank(0);
    const bool is_blank_last = parts->is_blank(count - 1);
    if ((is_blank_first && gap != 1) || (is_blank_last && gap != count - 2)) return std::nullopt;
    const std::size_t first = is_blank_first ? 1 : 0;
    const std::size_t last = is_blank_last ? count - 1 : count;
    const std::size_t written = gap - first + last - (gap + 1);
    if (written >= kHextets || !read_hextets(*parts, first, gap, bits)) return std::nullopt;
    if (written != 0) bits <<= 16 * (kHextets - written);  // else it is 0, and 128 too far
    return read_hextets(*parts, gap + 1, last, bits) ? std::optional(bits) : std::nullopt;
}

// The number of bits of a prefix, or none: it is not written so, or more than `most`.
std::optional<std::uint32_t> read_length(std::string_view text, std::uint32_t most) {
    if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
    std::uint32_t length = 0;
    for (const char c : text) {
        length = length * 10 + static_cast<std::uint32_t>(c - '0');
        if (length > most) return std::nullopt;
    }
    return length;
}

bool is_netmask(std::uint32_t bits) {
    return std::countl_one(bits) + std::countr_zero(bits) >= 32;
}

std::optional<AddressBits> read_ipv4_mask(std::string_view text) {
    if (const auto length = read_length(text, 32)) {
        return *length == 0 ? 0 : kAllOfIpv4 << (32 - *length);
    }
    const auto bits = read_ipv4(text);
    if (!bits) return std::nullopt;
    if (is_netmask(*bits)) return *bits;
    return is_netmask(~*bits) ? std::optional<AddressBits>(~*bits) : std::nullopt;
}

std::optional<AddressBits> read_ipv6_mask(std::string_view text) {
    const auto length = read_length(text, 128);
    if (!length) return std::nullopt;
    return *length == 0 ? 0 : ~AddressBits{0} << (128 - *length);
}

}  // namespace

std::optional<Address> read_address(std::string_view text) {
    if (const auto bits = read_ipv4(text)) return Address{4, *bits};
    if (const auto bits = read_ipv6(text)) return Address{6, *bits};
    return std::nullopt;
}

std::optional<Network> read_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = read_address(text.substr(0, slash));
    if (!address) return std::nullopt;
    const bool is_ipv4 = address->version == 4;
    std::optional<AddressBits> mask = is_ipv4 ? kAllOfIpv4 : ~AddressBits{0};
    if (slash != std::string_view::npos) {
        const std::string_view written = text.substr(slash + 1);
        mask = is_ipv4 ? read_ipv4_mask(written) : read_ipv6_mask(written);
    }
    if (!mask) return std::nullopt;
    return Network{{address->version, address->bits & *mask}, *mask};
}

}  // namespace congress
