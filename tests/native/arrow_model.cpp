// Columns of Arrow against the values that they were made from, and against memory that lies.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow_columns.h"
#include "arrow_memory.h"
#include "harness.h"
#include "utf8.h"

namespace congress::tests {
namespace {

using Expected = std::vector<std::optional<std::string>>;
using Memory = std::unique_ptr<ArrowMemory>;

std::shared_ptr<Column> read_column(Memory memory) {
    ArrowSchema schema;
    ArrowArray array = ArrowMemory::hand_over(std::move(memory), schema);
    return read_arrow(schema, array, false)[0].column;
}

std::string random_text(Random& random) {
    static const std::string kPieces[] = {"a", "é", "€", "\U0001F600", " "};
    std::string text;
    for (unsigned left = below(random, 9); left-- != 0;) text += kPieces[below(random, 5)];
    return text;
}

Expected random_texts(Random& random, std::size_t count) {
    Expected texts;
    for (std::size_t n = 0; n < count; ++n) {
        happens(random, 20) ? texts.emplace_back() : texts.emplace_back(random_text(random));
    }
    return texts;
}

std::int64_t null_count(const Expected& texts) {
    return std::count(texts.begin(), texts.end(), std::nullopt);
}

std::vector<std::uint8_t> validity_of(const Expected& texts) {
    std::vector<std::uint8_t> bits((texts.size() + 7) / 8);
    for (std::size_t n = 0; n < texts.size(); ++n) {
        if (texts[n]) bits[n / 8] = static_cast<std::uint8_t>(bits[n / 8] | 1 << n % 8);
    }
    return bits;
}

Memory with_nulls(const char* format, const Expected& texts, std::size_t offset) {
    const auto length = static_cast<std::int64_t>(texts.size() - offset);
    auto made = std::make_unique<ArrowMemory>(format, length, static_cast<std::int64_t>(offset));
    made->add_buffer(validity_of(texts));
    made->set_nulls(null_count(texts) == 0 ? 0 : -1);
    return made;
}

template <class Offset>
Memory text_array(const char* format, const Expected& texts, std::size_t offset) {
    Memory made = with_nulls(format, texts, offset);
    std::vector<Offset> ends = {0};
    std::vector<char> all;
    for (const auto& text : texts) {
        if (text) all.insert(all.end(), text->begin(), text->end());
        ends.push_back(static_cast<Offset>(all.size()));
    }
    made->add_buffer(ends);
    made->add_buffer(all);
    return made;
}

struct View {
    std::int32_t size;
    char rest[12];
};

Memory view_array(const Expected& texts, std::size_t offset) {
    Memory made = with_nulls("vu", texts, offset);
    std::vector<View> views;
    std::vector<char> all;
    for (const auto& each : texts) {
        const std::string text = each.value_or("");
        View view{static_cast<std::int32_t>(text.size()), {}};
        if (text.size() <= sizeof view.rest) {
            std::memcpy(view.rest, text.data(), text.size());
        } else {
            const std::int32_t place[] = {0, static_cast<std::int32_t>(all.size())};
            std::memcpy(view.rest + 4, place, sizeof place);
            all.insert(all.end(), text.begin(), text.end());
        }
        views.push_back(view);
    }
    made->add_buffer(views);
    made->add_buffer(all);
    made->add_buffer(std::vector<std::int64_t>{static_cast<std::int64_t>(all.size())});
    return made;
}

Memory dictionary_array(const Expected& texts, std::size_t offset) {
    Expected values;
    std::vector<std::int16_t> numbers;
    for (const auto& text : texts) {
        const auto known = std::find(values.begin(), values.end(), text);
        numbers.push_back(static_cast<std::int16_t>(known - values.begin()));
        if (known == values.end()) values.push_back(text);
    }
    const auto length = static_cast<std::int64_t>(texts.size() - offset);
    auto made = std::make_unique<ArrowMemory>("s", length, static_cast<std::int64_t>(offset));
    made->add_missing_buffer();
    made->add_buffer(numbers);
    made->set_dictionary(text_array<std::int32_t>("u", values, 0));
    return made;
}

Memory any_text_array(Random& random, const Expected& texts, std::size_t offset) {
    switch (below(random, 4)) {
        case 0:
            return text_array<std::int32_t>("u", texts, offset);
        case 1:
            return text_array<std::int64_t>("U", texts, offset);
        case 2:
            return view_array(texts, offset);
        default:
            return dictionary_array(texts, offset);
    }
}

void require_holds(const Column& column, const Expected& texts, std::size_t from) {
    require_equal(column.size(), texts.size() - from, "another length");
    Symbols symbols;
    std::vector<Id> ids(column.size() * 2);
    column.intern(symbols, 0, column.size(), ids.data(), 2);
    for (std::size_t n = 0; n < column.size(); ++n) {
        const Value value = column.value(n);
        const auto& text = texts[from + n];
        require_equal(value.type == Type::kNull, !text.has_value(), "null");
        require_equal(std::string(value.text), text.value_or(""), "another text");
        require_equal(intern_value(symbols, value), ids[2 * n], "another id");
    }
}

const Model texts_come_back("texts in Arrow's memory come back, whatever its layout", 3'000,
                            [](Random& random) {
    const Expected texts = random_texts(random, below(random, 40));
    const std::size_t offset = below(random, texts.size() + 1);
    require_holds(*read_column(any_text_array(random, texts, offset)), texts, offset);
});

const Model tables_come_back("columns of a table begin where its rows do", 1'000,
                             [](Random& random) {
    const Expected texts = random_texts(random, 1 + below(random, 40));
    const std::size_t own = below(random, texts.size());
    const std::size_t first = below(random, texts.size() - own);
    const auto length = static_cast<std::int64_t>(texts.size() - own - first);
    auto table = std::make_unique<ArrowMemory>("+s", length, static_cast<std::int64_t>(first));
    table->add_missing_buffer();
    table->add_child(any_text_array(random, texts, own));
    ArrowSchema schema;
    ArrowArray array = ArrowMemory::hand_over(std::move(table), schema);
    require_holds(*read_arrow(schema, array, true)[0].column, texts, own + first);
});

// Calls for every row; each gives a value or is refused.
void try_all(const Column& column) {
    Symbols symbols;
    for (std::size_t row = 0; row < column.size(); ++row) {
        Id id;
        try {
            column.intern(symbols, row, 1, &id, 1);
        } catch (const CellRefused& refused) {
            require_equal(refused.row, row, "another row is refused");
        }
    }
}

const Model offsets_lie("offsets that do not grow are refused, and nothing beyond is read", 3'000,
                        [](Random& random) {
    const std::string text = random_text(random);
    const auto size = static_cast<int>(text.size());
    std::vector<std::int32_t> offsets;
    for (unsigned n = 0; n < 8; ++n) {
        offsets.push_back(static_cast<std::int32_t>(below(random, text.size() + 9)) - 4);
    }
    offsets.push_back(happens(random, 80) ? size : -static_cast<int>(below(random, 3)));
    auto made = std::make_unique<ArrowMemory>("u", 8, 0);
    made->add_missing_buffer();
    made->add_buffer(offsets);
    made->add_buffer(std::vector<char>(text.begin(), text.end()));
    try {
        try_all(*read_column(std::move(made)));
    } catch (const InvalidColumns&) {
        require(offsets.back() < 0, "texts that end somewhere are refused as a whole");
    }
});

const Model views_lie("views of what is not there are refused, and nothing beyond is read", 3'000,
                      [](Random& random) {
    std::vector<std::int32_t> words;
    for (unsigned n = 0; n < 8 * 4; ++n) {
        static constexpr std::int32_t kOdd[] = {INT32_MIN, INT32_MAX, -1, 12, 13};
        words.push_back(happens(random, 30) ? kOdd[below(random, 5)]
                                            : static_cast<std::int32_t>(below(random, 30)));
    }
    auto made = std::make_unique<ArrowMemory>("vu", 8, 0);
    made->add_missing_buffer();
    made->add_buffer(words);
    made->add_buffer(std::vector<char>(40, 'x'));
    made->add_buffer(std::vector<std::int64_t>{40});
    try_all(*read_column(std::move(made)));
});

const Model numbers_lie("numbers that no dictionary has are refused", 1'000, [](Random& random) {
    std::vector<std::int8_t> numbers;
    for (unsigned n = 0; n < 8; ++n) {
        numbers.push_back(static_cast<std::int8_t>(static_cast<int>(below(random, 12)) - 4));
    }
    auto made = std::make_unique<ArrowMemory>("c", 8, 0);
    made->add_missing_buffer();
    made->add_buffer(numbers);
    made->set_dictionary(
        text_array<std::int32_t>("u", random_texts(random, below(random, 8)), 0));
    try_all(*read_column(std::move(made)));
});

const Test lengths_lie("lengths that cannot be are refused", [] {
    for (const std::int64_t odd : {std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
        require_raises<InvalidColumns>(
            [&] { read_column(std::make_unique<ArrowMemory>("u", odd, 0)); }, "a length");
        require_raises<InvalidColumns>(
            [&] { read_column(std::make_unique<ArrowMemory>("u", 1, odd)); }, "an offset");
    }
    require_raises<InvalidColumns>(
        [] { read_column(std::make_unique<ArrowMemory>("u", 1, 0)); }, "no buffers");
});

template <class Error, class Act>
std::string refusal(Act act) {
    try {
        act();
    } catch (const Error& error) {
        return error.what();
    }
    return "\xFF";
}

const Test words("what another library says is told as text, whatever it is", [] {
    auto odd = std::make_unique<ArrowMemory>("\xFF", 1, 0);
    const std::shared_ptr<Column> column = read_column(std::move(odd));
    require(is_utf8(refusal<CellRefused>([&] { column->value(0); })), "the name of a type");
    ArrowArrayStream stream{};
    stream.get_schema = [](ArrowArrayStream*, ArrowSchema*) { return EIO; };
    stream.get_last_error = [](ArrowArrayStream*) { return "no \xFF luck"; };
    stream.release = [](ArrowArrayStream* given) { given->release = nullptr; };
    const auto read = [&] { read_arrow(stream, true, [] {}); };
    require(is_utf8(refusal<InvalidColumns>(read)), "why a stream failed");
});

const Test bits_stay("what says which values are null stays, whatever their type", [] {
    auto made = std::make_unique<ArrowMemory>("z", 2, 0);
    made->add_buffer(std::vector<std::uint8_t>{0b10});
    made->set_nulls(1);
    const std::shared_ptr<Column> column = read_column(std::move(made));
    require(column->value(0).type == Type::kNull, "it is null");
    require_raises<CellRefused>([&] { column->value(1); }, "no table holds bytes");
});

}  // namespace
}  // namespace congress::tests
