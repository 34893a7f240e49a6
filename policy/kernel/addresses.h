// IP addresses and networks of both versions, read as Python's ipaddress does.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace congress {

__extension__ typedef unsigned __int128 AddressBits;

struct Address {
    int version = 4;
    AddressBits bits = 0;

    auto operator<=>(const Address&) const = default;  // IPv4 comes before IPv6
};

struct Network {
    Address first;
    AddressBits mask = 0;

    bool operator==(const Network&) const = default;
    bool has(const Address& address) const {
        return address.version == first.version && (address.bits & mask) == first.bits;
    }
    // Every address of the other one is in this one.
    bool has(const Network& other) const { return has(other.first) && (mask & ~other.mask) == 0; }
};

// None: the text is not an address. There are no zones: `fe80::1%eth0` is none.
std::optional<Address> read_address(std::string_view text);
// A network is an address, and after a slash the bits of its prefix, or for IPv4 a mask for the
// network or the hosts; the host's part of the address does not matter.
std::optional<Network> read_network(std::string_view text);

}  // namespace congress
