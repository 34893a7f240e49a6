// The two-way mapping between values and ids, with a count of references for each symbol.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "buffer.h"
#include "slots.h"
#include "value.h"

namespace congress {

// Promises: 1, 1.0, "1" and true are four values; -0.0 is 0.0. Not thread safe.
// A symbol lives while it is referred to, and until the next `collect` after that; ids are reused.
class Symbols {
public:
    Symbols();
    ~Symbols();
    Symbols(const Symbols&) = delete;
    Symbols& operator=(const Symbols&) = delete;

    static constexpr Id kNullId = kSymbolBit | 0;
    static constexpr Id kFalseId = kSymbolBit | 1;
    static constexpr Id kTrueId = kSymbolBit | 2;

    // The id of a value, a new one when it was never seen. The caller checked that floats are finite
    // and that text is what a table may hold.
    Id intern_integer(std::int64_t integer) {
        return fits_inline(integer) ? inline_id(integer) : intern_large(integer);
    }
    Id intern_float(double real);
    Id intern_text(std::string_view text);
    // The same for many texts, what they need of memory being fetched ahead. When one of them has no
    // room, those before it are known.
    void intern_texts(std::span<const std::string_view> texts, Id* ids);
    static Id boolean(bool value) { return value ? kTrueId : kFalseId; }

    // The id of a value that some table or rule may hold, or none.
    std::optional<Id> find_integer(std::int64_t integer) const;
    std::optional<Id> find_float(double real) const;
    std::optional<Id> find_text(std::string_view text) const;

    // A text in it may move when something else is interned.
    Value value(Id id) const;
    bool is_known(Id id) const {
        const std::size_t place = id & ~kSymbolBit;
        return !is_symbol(id) || (place < entries_.size() && !entries_[place].is_free);
    }

    void prefetch(Id id) const {
        if (is_symbol(id)) __builtin_prefetch(&entries_[id & ~kSymbolBit]);
    }
    // A table, a plan or a memo holds the id from now on, or no more. Never fails.
    void retain(Id id) {
        if (is_symbol(id)) ++entries_[id & ~kSymbolBit].references;
    }
    void release(Id id) {
        if (is_symbol(id) && --entries_[id & ~kSymbolBit].references == 0) note_unused(id);
    }

    // Forgets up to `most` symbols that nobody refers to. Only between transactions.
    void collect(std::size_t most);

    std::size_t size() const { return entries_.size() - free_count_; }
    std::size_t bytes() const;

private:
    static constexpr std::uint32_t kShort = 16;  // bytes of a text that has no block of its own

    struct Entry {
        union {
            std::int64_t integer;
            double real;
            char* text;
            char short_text[kShort];
        };
        std::uint32_t length;      // of a text, in bytes
        std::uint32_t references;
        std::uint32_t next;        // in the list of unused, or of free entries
        Type type;
        bool is_listed;            // it is in the list of unused entries
        bool is_free;

        bool has_block() const { return type == Type::kText && length > kShort; }
        std::string_view view() const { return {length > kShort ? text : short_text, length}; }
        bool is_text(std::string_view other) const {
            return type == Type::kText && view() == other;
        }
    };
    static_assert(sizeof(Entry) == 32, "two of them share a cache line");

    Id intern_large(std::int64_t integer);
    Id intern_hashed(std::string_view text, std::uint32_t hash);
    void reserve_one();
    Id add(const Entry& made, std::uint32_t hash);
    void fetch_ahead(std::span<const std::uint32_t> hashes, std::size_t at) const;
    static std::uint32_t hash_of(const Entry& entry);
    template <class Equals>
    std::uint32_t find(std::uint32_t hash, Equals equals) const;
    void note_unused(Id id);
    void forget(std::uint32_t entry);

    Buffer<Entry> entries_;
    Slots slots_;                  // numbers of entries
    std::uint32_t unused_ = 0;     // head of the list of unused entries
    std::uint32_t free_ = 0;       // head of the list of free entries
    std::size_t free_count_ = 0;
    std::size_t text_bytes_ = 0;
};

}  // namespace congress
