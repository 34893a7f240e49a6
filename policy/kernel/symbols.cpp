#include "symbols.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <new>

#include "hash.h"

namespace congress {

namespace {

constexpr std::uint32_t kNone = ~std::uint32_t{0};
constexpr std::size_t kTogether = 256;  // texts whose hashes are made before the first is looked up
constexpr std::size_t kAhead = 8;       // texts: how far one miss is asked for before the next

std::uint32_t hash_scalar(Type type, std::uint64_t bits) {
    return mix(bits ^ (static_cast<std::uint64_t>(type) * 0xA24BAED4963EE407ull));
}

double positive_zero(double real) { return real + 0.0; }

// The hash of a text that may be new. Raises: std::bad_alloc: no entry can tell how long it is.
std::uint32_t hash_text(std::string_view text) {
    if (text.size() > std::numeric_limits<std::uint32_t>::max()) throw std::bad_alloc();
    return hash_bytes(text);
}

}  // namespace

Symbols::Symbols() : unused_(kNone), free_(kNone) {
    for (Type type : {Type::kNull, Type::kBoolean, Type::kBoolean}) {
        Entry entry{};
        entry.integer = entries_.size() == 2 ? 1 : 0;
        entry.type = type;
        entry.references = 1;  // for ever
        entries_.push_back(entry);
    }
}

Symbols::~Symbols() {
    for (Entry& entry : entries_) {
        if (!entry.is_free && entry.has_block()) std::free(entry.text);
    }
}

template <class Equals>
std::uint32_t Symbols::find(std::uint32_t hash, Equals equals) const {
    const std::size_t place =
        slots_.find(hash, [&](std::uint32_t entry) { return equals(entries_[entry]); });
    return slots_.is_gap(place) ? kNone : slots_.number(place);
}

// All memory that `add` needs, asked for first so that a failure leaves everything as it was.
void Symbols::reserve_one() {
    slots_.reserve_more(1);
    if (free_ == kNone) entries_.reserve_more(1);
}

// Only after reserve_one; no entry equals this one.
Id Symbols::add(const Entry& made, std::uint32_t hash) {
    std::uint32_t place = free_;
    if (place == kNone) {
        place = static_cast<std::uint32_t>(entries_.size());
        entries_.push_reserved(made);
    } else {
        free_ = entries_[place].next;
        --free_count_;
        entries_[place] = made;
    }
    slots_.fill(slots_.find(hash, [](std::uint32_t) { return false; }), hash, place);
    note_unused(kSymbolBit | place);  // until somebody retains it
    return kSymbolBit | place;
}

Id Symbols::intern_large(std::int64_t integer) {
    if (const auto known = find_integer(integer)) return *known;
    reserve_one();
    Entry made{};
    made.type = Type::kInteger;
    made.integer = integer;
    return add(made, hash_of(made));
}

Id Symbols::intern_float(double given) {
    if (const auto known = find_float(given)) return *known;
    reserve_one();
    Entry made{};
    made.type = Type::kFloat;
    made.real = positive_zero(given);
    return add(made, hash_of(made));
}

Id Symbols::intern_text(std::string_view text) { return intern_hashed(text, hash_text(text)); }

Id Symbols::intern_hashed(std::string_view text, std::uint32_t hash) {
    const std::uint32_t found = find(hash, [&](const Entry& e) { return e.is_text(text); });
    if (found != kNone) return kSymbolBit | found;
    Entry made{};
    made.type = Type::kText;
    made.length = static_cast<std::uint32_t>(text.size());
    // Ordering: a short text may be part of an entry, which moves when more room is made.
    if (!made.has_block()) std::memcpy(made.short_text, text.data(), text.size());
    reserve_one();
    if (made.has_block()) {
        made.text = static_cast<char*>(reallocate(nullptr, text.size()));
        std::memcpy(made.text, text.data(), text.size());
        text_bytes_ += text.size();
    }
    return add(made, hash);
}

void Symbols::intern_texts(std::span<const std::string_view> texts, Id* ids) {
    std::uint32_t hashes[kTogether];
    for (std::size_t first = 0; first < texts.size(); first += kTogether) {
        const auto some = texts.subspan(first, std::min(kTogether, texts.size() - first));
        for (std::size_t n = 0; n < some.size(); ++n) hashes[n] = hash_text(some[n]);
        for (std::size_t n = 0; n < some.size(); ++n) {
            fetch_ahead({hashes, some.size()}, n);
            ids[first + n] = intern_hashed(some[n], hashes[n]);
        }
    }
}

// Three cache misses for each text, one after the other: its slot, the entry, a block of its own.
void Symbols::fetch_ahead(std::span<const std::uint32_t> hashes, std::size_t at) const {
    const auto likely = [&](std::size_t n) {
        const std::uint32_t number = slots_.likely_number(hashes[n]);
        return number < entries_.size() ? &entries_[number] : nullptr;
    };
    if (at + 3 * kAhead < hashes.size()) slots_.prefetch(hashes[at + 3 * kAhead]);
    if (at + 2 * kAhead < hashes.size()) {
        if (const Entry* entry = likely(at + 2 * kAhead)) __builtin_prefetch(entry);
    }
    if (at + kAhead < hashes.size()) {
        const Entry* entry = likely(at + kAhead);
        if (entry != nullptr && entry->has_block()) __builtin_prefetch(entry->text);
    }
}

std::optional<Id> Symbols::find_integer(std::int64_t integer) const {
    if (fits_inline(integer)) return inline_id(integer);
    const std::uint32_t hash = hash_scalar(Type::kInteger, static_cast<std::uint64_t>(integer));
    const std::uint32_t found = find(hash, [&](const Entry& e) {
        return e.type == Type::kInteger && e.integer == integer;
    });
    return found == kNone ? std::nullopt : std::optional<Id>(kSymbolBit | found);
}

std::optional<Id> Symbols::find_float(double given) const {
    const double real = positive_zero(given);
    const std::uint32_t hash = hash_scalar(Type::kFloat, std::bit_cast<std::uint64_t>(real));
    const std::uint32_t found =
        find(hash, [&](const Entry& e) { return e.type == Type::kFloat && e.real == real; });
    return found == kNone ? std::nullopt : std::optional<Id>(kSymbolBit | found);
}

std::optional<Id> Symbols::find_text(std::string_view text) const {
    const std::uint32_t found =
        find(hash_bytes(text), [&](const Entry& e) { return e.is_text(text); });
    return found == kNone ? std::nullopt : std::optional<Id>(kSymbolBit | found);
}

Value Symbols::value(Id id) const {
    if (!is_symbol(id)) return {Type::kInteger, inline_integer(id), 0.0, {}};
    const Entry& entry = entries_[id & ~kSymbolBit];
    switch (entry.type) {
        case Type::kFloat:
            return {Type::kFloat, 0, entry.real, {}};
        case Type::kText:
            return {Type::kText, 0, 0.0, entry.view()};
        default:
            return {entry.type, entry.integer, 0.0, {}};
    }
}

std::uint32_t Symbols::hash_of(const Entry& entry) {
    if (entry.type == Type::kText) return hash_bytes(entry.view());
    return hash_scalar(entry.type, std::bit_cast<std::uint64_t>(entry.integer));
}

void Symbols::note_unused(Id id) {
    const std::uint32_t place = id & ~kSymbolBit;
    Entry& entry = entries_[place];
    if (entry.is_listed) return;
    entry.is_listed = true;
    entry.next = unused_;
    unused_ = place;
}

void Symbols::collect(std::size_t most) {
    while (unused_ != kNone && most-- != 0) {
        const std::uint32_t place = unused_;
        Entry& entry = entries_[place];
        unused_ = entry.next;
        entry.is_listed = false;
        if (entry.references == 0) forget(place);
    }
}

void Symbols::forget(std::uint32_t place) {
    Entry& entry = entries_[place];
    slots_.erase(
        slots_.find(hash_of(entry), [&](std::uint32_t other) { return other == place; }));
    if (entry.has_block()) {
        text_bytes_ -= entry.length;
        std::free(entry.text);
    }
    entry.is_free = true;
    entry.next = free_;
    free_ = place;
    ++free_count_;
}

std::size_t Symbols::bytes() const { return entries_.bytes() + slots_.bytes() + text_bytes_; }

}  // namespace congress
