#include "native_addresses.h"

#include <functional>
#include <string_view>

#include "addresses.h"

namespace congress {

namespace {

constexpr std::size_t kMaxAddress = 100;  // code points of an address or a network

// Python's ipaddress would take zones, which name an interface of one host.
bool is_refused(Call& call, std::string_view text) {
    const bool is_long = text.size() > kMaxAddress && code_points(text) > kMaxAddress;
    if (!is_long && text.find('%') == std::string_view::npos) return false;
    call.failure = "the text is not an IP address or network";
    return true;
}

std::optional<Address> address(Call& call, std::size_t place) {
    const Value& given = call.values[place];
    if (given.type == Type::kText) {
        if (is_refused(call, given.text)) return std::nullopt;
        const auto found = read_address(given.text);
        if (found) return found;
    } else if (given.integer >= 0) {
        const auto bits = static_cast<std::uint64_t>(given.integer);
        return Address{bits >> 32 == 0 ? 4 : 6, bits};
    }
    return call.fail("the value is not an IP address");
}

std::optional<Network> network(Call& call, std::size_t place) {
    if (is_refused(call, call.values[place].text)) return std::nullopt;
    const auto found = read_network(call.values[place].text);
    return found ? found : call.fail("the text is not an IP network");
}

template <class Holds>
bool both_addresses(Call& call, Holds holds) {
    const auto x = address(call, 0);
    const auto y = x ? address(call, 1) : std::nullopt;
    return y && holds(*x, *y);
}

template <class Holds>
bool both_networks(Call& call, Holds holds) {
    const auto x = network(call, 0);
    const auto y = x ? network(call, 1) : std::nullopt;
    return y && holds(*x, *y);
}

}  // namespace

bool ips_equal(Call& call) { return both_addresses(call, std::equal_to()); }
bool ips_lt(Call& call) { return both_addresses(call, std::less()); }
bool ips_lteq(Call& call) { return both_addresses(call, std::less_equal()); }
bool ips_gt(Call& call) { return both_addresses(call, std::greater()); }
bool ips_gteq(Call& call) { return both_addresses(call, std::greater_equal()); }
bool networks_equal(Call& call) { return both_networks(call, std::equal_to()); }
bool networks_overlap(Call& call) {
    return both_networks(call, [](const Network& x, const Network& y) {
        return x.has(y) || y.has(x);
    });
}
bool cidr_contains(Call& call) {
    return both_networks(call, [](const Network& x, const Network& y) { return x.has(y); });
}

bool ip_in_network(Call& call) {
    const auto ip = address(call, 0);
    const auto found = ip ? network(call, 1) : std::nullopt;
    return found && found->has(*ip);
}

std::optional<Id> ip_version(Call& call) {
    const auto found = network(call, 0);
    return found ? call.integer(found->first.version) : std::nullopt;
}

}  // namespace congress
