// The builtins on IP addresses and networks.
#pragma once

#include <optional>

#include "call.h"

namespace congress {

bool ips_equal(Call& call);
bool ips_lt(Call& call);
bool ips_lteq(Call& call);
bool ips_gt(Call& call);
bool ips_gteq(Call& call);
bool networks_equal(Call& call);
bool networks_overlap(Call& call);
bool cidr_contains(Call& call);
bool ip_in_network(Call& call);
std::optional<Id> ip_version(Call& call);

}  // namespace congress
