#include "readers.h"

#include <algorithm>

namespace congress {

std::uint32_t Readers::hash_of(const Constants& constants) {
    Id key[kMaxColumns];
    Id* cell = key;
    for (const auto& constant : constants) *cell++ = constant.second;
    return hash_cells(key, constants.size());
}

std::vector<Readers::ByConstants>::iterator Readers::find_part(const Constants& constants) {
    return std::ranges::find_if(parts_, [&](const ByConstants& part) {
        return std::ranges::equal(part.columns, constants, {}, {},
                                  [](const auto& constant) { return constant.first; });
    });
}

Readers::ByConstants& Readers::part(const Constants& constants) {
    const auto found = find_part(constants);
    if (found != parts_.end()) return *found;
    ByConstants made;
    for (const auto& constant : constants) made.columns.push_back(constant.first);
    return parts_.emplace_back(std::move(made));
}

void Readers::add(Rule* rule, const Constants& constants) {
    if (constants.empty()) {
        plain_.push_back(rule);
    } else {
        part(constants).rules[hash_of(constants)].push_back(rule);
    }
    ++size_;
}

void Readers::remove(Rule* rule, const Constants& constants) {
    const auto take_out = [&](std::vector<Rule*>& rules) {
        const auto found = std::ranges::find(rules, rule);
        if (found == rules.end()) return;
        rules.erase(found);
        --size_;
    };
    if (constants.empty()) {
        take_out(plain_);
        return;
    }
    const auto own = find_part(constants);
    if (own == parts_.end()) return;
    const auto found = own->rules.find(hash_of(constants));
    if (found == own->rules.end()) return;
    take_out(found->second);
    if (found->second.empty()) own->rules.erase(found);
    if (own->rules.empty()) parts_.erase(own);
}

}  // namespace congress
