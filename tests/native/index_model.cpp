#include <algorithm>
#include <vector>

#include "harness.h"
#include "hash.h"
#include "index.h"

namespace congress::tests {
namespace {

// An index beside a sorted list of the rows that should be in it.
class IndexModel {
public:
    explicit IndexModel(Random& random)
        : random_(random),
          width_(1 + below(random, 3)),
          values_(1 + below(random, 40)),
          index_(some_columns(), Cells{&cells_, width_}) {}

    void run() {
        for (unsigned n = below(random_, 200); n != 0; --n) append();
        index_.build(end(), [&](RowId row) { return is_in(row); });
        check();
        for (int n = 0; n < 600; ++n) {
            if (happens(random_, 2)) bias_ = below(random_, 100);
            if (happens(random_, bias_)) {
                insert();
            } else {
                erase();
            }
            if (n % 50 == 0) check();
        }
        check();
    }

private:
    std::vector<std::uint32_t> some_columns() {
        std::vector<std::uint32_t> columns;
        for (std::uint32_t n = 0; n < width_; ++n) columns.push_back(n);
        std::ranges::shuffle(columns, random_);
        columns.resize(below(random_, width_ + 1));
        return columns;
    }
    RowId end() const { return static_cast<RowId>(cells_.size() / width_); }
    bool is_in(RowId row) const { return std::ranges::binary_search(rows_, row); }

    // A row, which is in the index that is built later, or is not.
    void append() {
        for (std::uint32_t n = 0; n < width_; ++n) cells_.push_back(below(random_, values_));
        if (happens(random_, 80)) {
            rows_.push_back(end() - 1);
        } else {
            free_.push_back(end() - 1);
        }
    }
    void insert() {
        if (free_.empty()) {
            for (std::uint32_t n = 0; n < width_; ++n) cells_.push_back(below(random_, values_));
            free_.push_back(end() - 1);
        }
        const RowId row = free_.back();
        free_.pop_back();
        for (std::uint32_t n = 0; n < width_; ++n) {
            cells_[std::size_t{row} * width_ + n] = below(random_, values_);
        }
        index_.insert(row);
        rows_.insert(std::ranges::lower_bound(rows_, row), row);
    }
    void erase() {
        if (rows_.empty()) return;
        const auto place = rows_.begin() + below(random_, rows_.size());
        index_.erase(*place);
        free_.push_back(*place);
        rows_.erase(place);
    }

    std::vector<Id> key_of(RowId row) const {
        std::vector<Id> key;
        for (const std::uint32_t column : index_.columns()) {
            key.push_back(cells_[std::size_t{row} * width_ + column]);
        }
        return key;
    }
    std::vector<RowId> find(const std::vector<Id>& key) const {
        const Index::Rows found = index_.find(key.data(), hash_cells(key.data(), key.size()));
        std::vector<RowId> rows;
        for (std::uint32_t n = 0; n < found.length; ++n) rows.push_back(index_.row_at(found, n));
        std::ranges::sort(rows);
        return rows;
    }
    void check() const {
        std::vector<std::pair<std::vector<Id>, RowId>> expected;
        for (const RowId row : rows_) expected.emplace_back(key_of(row), row);
        std::ranges::sort(expected);
        std::size_t keys = 0;
        for (std::size_t from = 0, to = 0; from < expected.size(); from = to, ++keys) {
            std::vector<RowId> rows;
            for (; to < expected.size() && expected[to].first == expected[from].first; ++to) {
                rows.push_back(expected[to].second);
            }
            require_equal(find(expected[from].first), rows, "a key has other rows");
        }
        require_equal(index_.keys(), keys, "there are other keys");
        if (!index_.columns().empty()) {
            require(find(std::vector<Id>(index_.columns().size(), values_)).empty(),
                    "a key that is nowhere has rows");
        }
    }

    Random& random_;
    std::uint32_t width_;
    std::uint32_t values_;
    Buffer<Id> cells_;
    Index index_;
    std::vector<RowId> rows_;  // sorted
    std::vector<RowId> free_;
    unsigned bias_ = 60;
};

const Model agrees("an index agrees with a sorted list", 150,
                   [](Random& random) { IndexModel(random).run(); });

}  // namespace
}  // namespace congress::tests
