// The rules that read a relation, found by what changed in it.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hash.h"
#include "relation.h"

namespace congress {

struct Rule;

// A column of a literal with the constant that it must hold.
using Constants = std::vector<std::pair<std::uint32_t, Id>>;

// Thousands of rules may read one table, each with another constant: a changed row reaches those
// whose constants it holds, which are found by hashing its cells.
class Readers {
public:
    bool empty() const { return size_ == 0; }

    // Strong guarantee.
    void add(Rule* rule, const Constants& constants);
    // Never fails; nothing happens when it was not added with these constants.
    void remove(Rule* rule, const Constants& constants);

    // Calls `use` with each rule whose literal may match a net change of the relation; with some
    // more than once, and with some that it turns out not to concern.
    // Cost: the changes times the different sets of columns with constants, and the rules found.
    template <class Use>
    void each_reached(const Relation& relation, Use use) const;
    template <class Use>
    void each(Use use) const;

private:
    struct ByConstants {
        std::vector<std::uint32_t> columns;
        std::unordered_map<std::uint32_t, std::vector<Rule*>> rules;  // by the hash of the cells
    };

    static std::uint32_t hash_of(const Constants& constants);
    std::vector<ByConstants>::iterator find_part(const Constants& constants);
    ByConstants& part(const Constants& constants);

    std::vector<Rule*> plain_;
    std::vector<ByConstants> parts_;
    std::size_t size_ = 0;
};

template <class Use>
void Readers::each(Use use) const {
    for (Rule* rule : plain_) use(rule);
    for (const ByConstants& part : parts_) {
        for (const auto& [hash, rules] : part.rules) {
            for (Rule* rule : rules) use(rule);
        }
    }
}

template <class Use>
void Readers::each_reached(const Relation& relation, Use use) const {
    for (Rule* rule : plain_) use(rule);
    for (const ByConstants& part : parts_) {
        const auto look_up = [&](RowId row) {
            Id key[kMaxColumns];
            Id* cell = key;
            for (const std::uint32_t column : part.columns) *cell++ = relation.row(row)[column];
            const auto found = part.rules.find(hash_cells(key, part.columns.size()));
            if (found == part.rules.end()) return;
            for (Rule* rule : found->second) use(rule);
        };
        relation.each_added(look_up);
        relation.each_removed(look_up);
    }
}

}  // namespace congress
