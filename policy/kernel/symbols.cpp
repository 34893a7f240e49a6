#include "symbols.h"

#include <bit>
#include <cstring>

#include "hash.h"

namespace congress {

namespace {

constexpr std::uint32_t kNone = ~std::uint32_t{0};

std::uint32_t hash_scalar(Type type, std::uint64_t bits) {
    return mix(bits ^ (static_cast<std::uint64_t>(type) * 0xA24BAED4963EE407ull));
}

double positive_zero(double real) { return real + 0.0; }

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
        if (!entry.is_free && entry.type == Type::kText) std::free(entry.text);
    }
}

template <class Equals>
std::uint32_t Symbols::find(std::uint32_t hash, Equals equals) const {
    const std::size_t place =
        slots_.find(hash, [&](std::uint32_t entry) { return equals(entries_[entry]); });
    return slots_.is_empty(place) ? kNone : slots_.number(place);
}

template <class Equals, class Fill>
Id Symbols::intern(std::uint32_t hash, Equals equals, Fill fill) {
    const std::uint32_t found = find(hash, equals);
    if (found != kNone) return kSymbolBit | found;
    // Ordering: all memory first, so that a failure leaves everything as it was.
    slots_.reserve_more(1);
    if (free_ == kNone) entries_.reserve_more(1);
    Entry filled{};
    fill(filled);
    std::uint32_t place = free_;
    if (place == kNone) {
        place = static_cast<std::uint32_t>(entries_.size());
        entries_.push_reserved(filled);
    } else {
        free_ = entries_[place].next;
        --free_count_;
        entries_[place] = filled;
    }
    Entry& entry = entries_[place];
    entry.hash = hash;
    entry.is_listed = false;
    entry.is_free = false;
    entry.references = 0;
    slots_.fill(slots_.find(hash, [](std::uint32_t) { return false; }), hash, place);
    note_unused(kSymbolBit | place);  // until somebody retains it
    return kSymbolBit | place;
}

Id Symbols::intern_large(std::int64_t integer) {
    const std::uint32_t hash = hash_scalar(Type::kInteger, static_cast<std::uint64_t>(integer));
    return intern(
        hash, [&](const Entry& e) { return e.type == Type::kInteger && e.integer == integer; },
        [&](Entry& e) {
            e.type = Type::kInteger;
            e.integer = integer;
        });
}

Id Symbols::intern_float(double given) {
    const double real = positive_zero(given);
    const std::uint32_t hash = hash_scalar(Type::kFloat, std::bit_cast<std::uint64_t>(real));
    return intern(
        hash, [&](const Entry& e) { return e.type == Type::kFloat && e.real == real; },
        [&](Entry& e) {
            e.type = Type::kFloat;
            e.real = real;
        });
}

Id Symbols::intern_text(std::string_view text) {
    const std::uint32_t hash = hash_bytes(text);
    return intern(
        hash,
        [&](const Entry& e) {
            return e.type == Type::kText && std::string_view(e.text, e.length) == text;
        },
        [&](Entry& e) {
            e.type = Type::kText;
            e.length = static_cast<std::uint32_t>(text.size());
            e.text = static_cast<char*>(reallocate(nullptr, text.size() + 1));
            std::memcpy(e.text, text.data(), text.size());
            text_bytes_ += text.size() + 1;
        });
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
    const std::uint32_t found = find(hash_bytes(text), [&](const Entry& e) {
        return e.type == Type::kText && std::string_view(e.text, e.length) == text;
    });
    return found == kNone ? std::nullopt : std::optional<Id>(kSymbolBit | found);
}

Value Symbols::value(Id id) const {
    if (!is_symbol(id)) return {Type::kInteger, inline_integer(id), 0.0, {}};
    const Entry& entry = entries_[id & ~kSymbolBit];
    switch (entry.type) {
        case Type::kFloat:
            return {Type::kFloat, 0, entry.real, {}};
        case Type::kText:
            return {Type::kText, 0, 0.0, std::string_view(entry.text, entry.length)};
        default:
            return {entry.type, entry.integer, 0.0, {}};
    }
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
    slots_.erase(slots_.find(entry.hash, [&](std::uint32_t other) { return other == place; }));
    if (entry.type == Type::kText) {
        text_bytes_ -= entry.length + 1;
        std::free(entry.text);
    }
    entry.is_free = true;
    entry.next = free_;
    free_ = place;
    ++free_count_;
}

std::size_t Symbols::bytes() const { return entries_.bytes() + slots_.bytes() + text_bytes_; }

}  // namespace congress
