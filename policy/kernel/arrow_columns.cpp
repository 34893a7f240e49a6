#include "arrow_columns.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string_view>
#include <utility>

#include "utf8.h"

namespace congress {
namespace {

constexpr std::int64_t kMostRows = std::int64_t{1} << 40;  // sums of lengths cannot overflow

[[noreturn]] void refuse(const std::string& what) {
    throw InvalidColumns("an Arrow array with " + what);
}

// Words of another library in a message of ours.
std::string told(const char* text) { return flaw_of_text(text) == nullptr ? text : "?"; }

bool bit(const void* bits, std::size_t place) {
    return (static_cast<const std::uint8_t*>(bits)[place / 8] >> (place % 8) & 1) != 0;
}

template <class Number>
Number read(const void* data, std::size_t place) {
    Number number;  // it may lie anywhere
    std::memcpy(&number, static_cast<const char*>(data) + place * sizeof number, sizeof number);
    return number;
}

// Some rows of an array that was checked.
struct Slice {
    const ArrowArray& array;
    std::size_t first;  // in its buffers
    std::size_t size;
    Keeper keeper;

    const void* buffer(std::int64_t number) const { return array.buffers[number]; }
    const void* filled(std::int64_t number) const {
        if (size != 0 && buffer(number) == nullptr) refuse("no memory for its values");
        return buffer(number);
    }
};

// --- columns

class NullColumn : public Column {
public:
    explicit NullColumn(std::size_t size) : size_(size) {}
    std::size_t size() const override { return size_; }
    Value value(std::size_t) const override { return {}; }

private:
    std::size_t size_;
};

class BitColumn : public Column {
public:
    explicit BitColumn(Slice slice) : slice_(std::move(slice)), bits_(slice_.filled(1)) {}
    std::size_t size() const override { return slice_.size; }
    Value value(std::size_t row) const override {
        return boolean_value(bit(bits_, slice_.first + row));
    }

private:
    Slice slice_;
    const void* bits_;
};

Value checked_text(std::string_view text, std::size_t row) {
    const char* flaw = flaw_of_text(text);
    if (flaw != nullptr) throw CellRefused(row, 0, flaw);
    return text_value(text);
}

template <class Offset>
class TextColumn : public Column {
public:
    explicit TextColumn(Slice slice) : slice_(std::move(slice)) {
        if (slice_.size == 0) return;
        offsets_ = slice_.filled(1);
        last_ = read<Offset>(offsets_, slice_.first + slice_.size);
        text_ = static_cast<const char*>(slice_.buffer(2));
        if (last_ < 0 || (last_ > 0 && text_ == nullptr)) refuse("no memory for its texts");
    }
    std::size_t size() const override { return slice_.size; }
    Value value(std::size_t row) const override {
        const auto start = read<Offset>(offsets_, slice_.first + row);
        const auto end = read<Offset>(offsets_, slice_.first + row + 1);
        if (start < 0 || end < start || end > last_) {
            throw CellRefused(row, 0, "a text whose offsets do not grow");
        }
        if (start == end) return text_value("");
        return checked_text({text_ + start, static_cast<std::size_t>(end - start)}, row);
    }

private:
    Slice slice_;
    const void* offsets_ = nullptr;
    const char* text_ = nullptr;
    Offset last_ = 0;
};

// Each text lies in its view, or the view says in which of several buffers, and where.
class TextViewColumn : public Column {
public:
    explicit TextViewColumn(Slice slice) : slice_(std::move(slice)), views_(slice_.filled(1)) {
        if (slice_.size == 0 || buffers() == 0) return;
        if (sizes() == nullptr) refuse("no sizes of its texts");
    }
    std::size_t size() const override { return slice_.size; }
    Value value(std::size_t row) const override {
        const char* view = static_cast<const char*>(views_) + (slice_.first + row) * 16;
        const auto size = read<std::int32_t>(view, 0);
        if (size >= 0 && size <= 12) {
            return checked_text({view + 4, static_cast<std::size_t>(size)}, row);
        }
        const std::int64_t number = read<std::int32_t>(view, 2);
        const std::int64_t start = read<std::int32_t>(view, 3);
        const char* text = find(number, start, size);
        if (text == nullptr) throw CellRefused(row, 0, "a text that lies nowhere");
        return checked_text({text, static_cast<std::size_t>(size)}, row);
    }

private:
    const char* find(std::int64_t number, std::int64_t start, std::int64_t size) const {
        if (size < 0 || number < 0 || number >= buffers() || start < 0) return nullptr;
        const auto* text = static_cast<const char*>(slice_.buffer(2 + number));
        const auto whole = read<std::int64_t>(sizes(), static_cast<std::size_t>(number));
        return text == nullptr || start + size > whole ? nullptr : text + start;
    }
    std::int64_t buffers() const { return slice_.array.n_buffers - 3; }
    const void* sizes() const { return slice_.buffer(slice_.array.n_buffers - 1); }

    Slice slice_;
    const void* views_;
};

// Values of a type that no table holds.
class RefusedColumn : public Column {
public:
    RefusedColumn(std::size_t size, std::string format)
        : size_(size), format_(std::move(format)) {}
    std::size_t size() const override { return size_; }
    Value value(std::size_t row) const override {
        throw CellRefused(row, 0, "a value of Arrow's type '" + format_ + "'");
    }

private:
    std::size_t size_;
    std::string format_;
};

class NullableColumn : public Column {
public:
    NullableColumn(const void* bits, std::size_t first, std::unique_ptr<Column> column,
                   Keeper keeper)
        : bits_(bits), first_(first), column_(std::move(column)), keeper_(std::move(keeper)) {}
    std::size_t size() const override { return column_->size(); }
    Value value(std::size_t row) const override {
        return bit(bits_, first_ + row) ? column_->value(row) : Value{};
    }
    void intern(Symbols& symbols, std::size_t first, std::size_t count, Id* out,
                std::size_t stride) const override {
        const std::size_t end = first + count;
        std::size_t row = first;
        while (row < end) {
            std::size_t next = row;
            while (next < end && bit(bits_, first_ + next)) ++next;
            column_->intern(symbols, row, next - row, out + (row - first) * stride, stride);
            for (row = next; row < end && !bit(bits_, first_ + row); ++row) {
                out[(row - first) * stride] = Symbols::kNullId;
            }
        }
    }

private:
    const void* bits_;
    std::size_t first_;
    std::unique_ptr<Column> column_;
    Keeper keeper_;  // of the bits: not every column reads memory of its own
};

// Numbers of values that stand elsewhere, each once.
class DictionaryColumn : public Column {
public:
    DictionaryColumn(std::unique_ptr<Column> numbers, std::unique_ptr<Column> values)
        : numbers_(std::move(numbers)), values_(std::move(values)) {}
    std::size_t size() const override { return numbers_->size(); }
    Value value(std::size_t row) const override {
        const Value number = numbers_->value(row);
        return number.type == Type::kNull ? number : entry(number.integer, row);
    }
    void intern(Symbols& symbols, std::size_t first, std::size_t count, Id* out,
                std::size_t stride) const override {
        if (values_->size() > count) return Column::intern(symbols, first, count, out, stride);
        constexpr Id kNone = ~Id{0};  // no symbol has this number: there are less than 2³¹
        std::vector<Id> ids(values_->size(), kNone);
        for (std::size_t row = first; row < first + count; ++row, out += stride) {
            const Value number = numbers_->value(row);
            if (number.type == Type::kNull) {
                *out = Symbols::kNullId;
                continue;
            }
            const auto place = static_cast<std::size_t>(number.integer);
            if (place >= ids.size() || ids[place] == kNone) {
                const Id id = intern_value(symbols, entry(number.integer, row));
                ids[place] = id;  // it is in the dictionary, or `entry` had refused it
            }
            *out = ids[place];
        }
    }

private:
    Value entry(std::int64_t number, std::size_t row) const {
        if (number < 0 || static_cast<std::size_t>(number) >= values_->size()) {
            throw CellRefused(row, 0, "a number that is not in its dictionary");
        }
        try {
            return values_->value(static_cast<std::size_t>(number));
        } catch (const CellRefused& refused) {
            throw CellRefused(row, 0, refused.what());
        }
    }

    std::unique_ptr<Column> numbers_;
    std::unique_ptr<Column> values_;
};

// --- from a schema and an array

void check_lengths(const ArrowArray& array) {
    const bool fits = array.length >= 0 && array.offset >= 0 && array.length <= kMostRows &&
                      array.offset <= kMostRows && array.null_count >= -1;
    if (!fits) refuse("a length or an offset that cannot be");
    if (array.n_buffers < 0 || (array.n_buffers > 0 && array.buffers == nullptr)) {
        refuse("no list of its memory");
    }
}

using Maker = std::function<std::unique_ptr<Column>(Slice)>;

struct Layout {
    std::int64_t buffers;  // at least
    Maker make;
};

template <class Number>
std::unique_ptr<Column> make_numbers(Slice slice) {
    const auto* data = static_cast<const char*>(slice.filled(1));
    const void* first = data == nullptr ? nullptr : data + slice.first * sizeof(Number);
    return std::make_unique<NumberColumn<Number>>(first, sizeof(Number), slice.size, false,
                                                  slice.keeper);
}

template <class Made>
std::unique_ptr<Column> make_column(Slice slice) {
    return std::make_unique<Made>(std::move(slice));
}

// A table of the formats that there are; null for the others.
const Layout* layout_of(std::string_view format) {
    static const std::pair<std::string_view, Layout> kLayouts[] = {
        {"b", {2, make_column<BitColumn>}},
        {"c", {2, make_numbers<std::int8_t>}},
        {"C", {2, make_numbers<std::uint8_t>}},
        {"s", {2, make_numbers<std::int16_t>}},
        {"S", {2, make_numbers<std::uint16_t>}},
        {"i", {2, make_numbers<std::int32_t>}},
        {"I", {2, make_numbers<std::uint32_t>}},
        {"l", {2, make_numbers<std::int64_t>}},
        {"L", {2, make_numbers<std::uint64_t>}},
        {"f", {2, make_numbers<float>}},
        {"g", {2, make_numbers<double>}},
        {"u", {3, make_column<TextColumn<std::int32_t>>}},
        {"U", {3, make_column<TextColumn<std::int64_t>>}},
        {"vu", {3, make_column<TextViewColumn>}},
    };
    for (const auto& [name, layout] : kLayouts) {
        if (name == format) return &layout;
    }
    return nullptr;
}

// The rows [first, first + size) of an array, counted from its own offset.
std::unique_ptr<Column> plain_column(const char* format, const ArrowArray& array,
                                     std::size_t first, std::size_t size, const Keeper& keeper) {
    check_lengths(array);
    const auto length = static_cast<std::size_t>(array.length);
    if (first + size > length) refuse("columns that end too early");
    const std::string_view name = format == nullptr ? "" : format;
    if (name == "n") return std::make_unique<NullColumn>(size);
    const Layout* layout = layout_of(name);
    if (layout != nullptr && array.n_buffers < layout->buffers) refuse("too little memory");
    const std::size_t start = static_cast<std::size_t>(array.offset) + first;
    std::unique_ptr<Column> made =
        layout == nullptr ? std::make_unique<RefusedColumn>(size, told(name.data()))
                          : layout->make({array, start, size, keeper});
    if (array.null_count == 0) return made;
    // Unions and runs have no nulls of their own.
    const bool has_none = name.starts_with("+u") || name.starts_with("+r");
    const void* bits = array.n_buffers > 0 && !has_none ? array.buffers[0] : nullptr;
    if (bits != nullptr) {
        return std::make_unique<NullableColumn>(bits, start, std::move(made), keeper);
    }
    if (array.null_count > 0 && layout != nullptr) refuse("nulls, and nothing that says where");
    return made;
}

std::unique_ptr<Column> column_of(const ArrowSchema& schema, const ArrowArray& array,
                                  std::size_t first, std::size_t size, const Keeper& keeper) {
    if (schema.dictionary == nullptr) {
        return plain_column(schema.format, array, first, size, keeper);
    }
    if (array.dictionary == nullptr) refuse("no dictionary");
    const std::string_view format = schema.format == nullptr ? "" : schema.format;
    if (format.size() != 1 || std::string_view("cCsSiIlL").find(format[0]) == format.npos) {
        refuse("a dictionary whose numbers are none");
    }
    const ArrowArray& values = *array.dictionary;
    check_lengths(values);
    // A dictionary of dictionaries is none that a table holds.
    const char* kind = schema.dictionary->dictionary == nullptr ? schema.dictionary->format : "?";
    return std::make_unique<DictionaryColumn>(
        plain_column(schema.format, array, first, size, keeper),
        plain_column(kind, values, 0, static_cast<std::size_t>(values.length), keeper));
}

bool is_struct(const ArrowSchema& schema) {
    return schema.format != nullptr && std::string_view(schema.format) == "+s";
}

void check_schema(const ArrowSchema& schema, bool is_table) {
    if (is_table && !is_struct(schema)) refuse("no columns; a table is a struct of them");
    if (!is_table) return;
    if (schema.n_children < 0 || schema.n_children > std::int64_t{kMaxColumns}) {
        refuse("more columns than a table has");
    }
    for (std::int64_t n = 0; n < schema.n_children; ++n) {
        const bool is_there = schema.children != nullptr && schema.children[n] != nullptr;
        if (!is_there) refuse("a column missing");
    }
}

void check_struct(const ArrowSchema& schema, const ArrowArray& array) {
    check_lengths(array);
    if (array.n_children != schema.n_children) refuse("other columns than its schema");
    for (std::int64_t n = 0; n < array.n_children; ++n) {
        const bool is_there = array.children != nullptr && array.children[n] != nullptr &&
                              array.children[n]->release != nullptr;
        if (!is_there) refuse("a column missing");
    }
    const void* bits = array.n_buffers > 0 ? array.buffers[0] : nullptr;
    if (array.null_count == 0 || bits == nullptr) return;
    const auto first = static_cast<std::size_t>(array.offset);
    for (std::size_t n = first; n < first + static_cast<std::size_t>(array.length); ++n) {
        if (!bit(bits, n)) refuse("rows that are null");
    }
}

using Chunks = std::vector<std::vector<std::unique_ptr<Column>>>;  // by column

void add_chunk(const ArrowSchema& schema, const std::shared_ptr<ArrowOwner<ArrowArray>>& owner,
               bool is_table, Chunks& chunks) {
    const ArrowArray& array = **owner;
    if (!is_table) {
        check_lengths(array);
        const auto size = static_cast<std::size_t>(array.length);
        chunks[0].push_back(column_of(schema, array, 0, size, owner));
        return;
    }
    check_struct(schema, array);
    const auto first = static_cast<std::size_t>(array.offset);
    const auto size = static_cast<std::size_t>(array.length);
    for (std::size_t n = 0; n < chunks.size(); ++n) {
        chunks[n].push_back(
            column_of(*schema.children[n], *array.children[n], first, size, owner));
    }
}

std::vector<NamedColumn> named(const ArrowSchema& schema, bool is_table, Chunks chunks) {
    std::vector<NamedColumn> made;
    for (std::size_t n = 0; n < chunks.size(); ++n) {
        const char* name = is_table ? schema.children[n]->name : nullptr;
        const std::string_view text = name == nullptr ? "" : name;
        if (flaw_of_text(text) != nullptr) refuse("a name that is no text");
        made.push_back({std::string(text), std::make_shared<ChunkedColumn>(std::move(chunks[n]))});
    }
    return made;
}

std::size_t column_count(const ArrowSchema& schema, bool is_table) {
    return is_table ? static_cast<std::size_t>(schema.n_children) : 1;
}

}  // namespace

std::vector<NamedColumn> read_arrow(ArrowSchema& given_schema, ArrowArray& given, bool is_table) {
    ArrowOwner<ArrowSchema> schema(given_schema);
    const auto array = std::make_shared<ArrowOwner<ArrowArray>>(given);
    if (schema.is_released() || array->is_released()) refuse("memory that was released");
    check_schema(*schema, is_table);
    Chunks chunks(column_count(*schema, is_table));
    add_chunk(*schema, array, is_table, chunks);
    return named(*schema, is_table, std::move(chunks));
}

std::vector<NamedColumn> read_arrow(ArrowArrayStream& given, bool is_table,
                                    const ArrowPoll& poll) {
    ArrowOwner<ArrowArrayStream> stream(given);
    if (stream.is_released()) refuse("memory that was released");
    const auto check = [&](int code) {
        if (code == 0) return;
        if (code == ENOMEM) throw std::bad_alloc();
        const char* said =
            stream->get_last_error == nullptr ? nullptr : stream->get_last_error(&*stream);
        throw InvalidColumns("a stream of Arrow failed: " +
                             told(said == nullptr ? std::strerror(code) : said));
    };
    ArrowSchema got_schema{};
    check(stream->get_schema(&*stream, &got_schema));
    ArrowOwner<ArrowSchema> schema(got_schema);
    if (schema.is_released()) refuse("memory that was released");
    check_schema(*schema, is_table);
    Chunks chunks(column_count(*schema, is_table));
    for (;;) {
        poll();
        ArrowArray got{};
        check(stream->get_next(&*stream, &got));
        const auto chunk = std::make_shared<ArrowOwner<ArrowArray>>(got);
        if (chunk->is_released()) break;
        add_chunk(*schema, chunk, is_table, chunks);
    }
    return named(*schema, is_table, std::move(chunks));
}

}  // namespace congress
