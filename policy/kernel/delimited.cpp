#include "delimited.h"

#include <cstring>

namespace congress {

bool DelimitedReader::next(std::vector<std::string_view>& cells) {
    cells.clear();
    unquoted_count_ = 0;
    while (!at_end() && at_line_end()) {
        ++line_;
        pass_line_end();
    }
    if (at_end()) return false;
    ++line_;
    for (;;) {
        const bool is_quoted = !at_end() && text_[at_] == '"';
        cells.push_back(is_quoted ? quoted_cell() : plain_cell());
        if (at_end()) return true;
        if (at_line_end()) {
            pass_line_end();
            return true;
        }
        ++at_;  // the mark
    }
}

void DelimitedReader::pass_line_end() {
    const bool is_pair = text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n';
    at_ += is_pair ? 2 : 1;
}

std::string_view DelimitedReader::plain_cell() {
    const std::size_t start = at_;
    while (!at_end() && text_[at_] != mark_ && !at_line_end()) ++at_;
    return text_.substr(start, at_ - start);
}

std::string_view DelimitedReader::quoted_cell() {
    std::size_t start = ++at_;
    std::string* whole = nullptr;  // made when there is a quote inside
    while (!at_end()) {
        if (text_[at_] != '"') {
            if (!at_line_end()) {
                ++at_;
                continue;
            }
            pass_line_end();
            if (!at_end()) ++line_;
            continue;
        }
        const std::string_view part = text_.substr(start, at_ - start);
        ++at_;
        if (at_end() || text_[at_] == mark_ || at_line_end()) {
            if (whole == nullptr) return part;
            whole->append(part);
            return *whole;
        }
        if (text_[at_] != '"') {
            const std::string reason = std::string("'") + mark_ + "' expected after '\"'";
            throw TextRefused(TextFlaw::kSyntax, line_, 0, reason);
        }
        if (whole == nullptr) {
            if (unquoted_count_ == unquoted_.size()) unquoted_.emplace_back();
            whole = &unquoted_[unquoted_count_++];
            whole->clear();
        }
        whole->append(part);
        start = at_++;  // the second quote is the one that counts
    }
    throw TextRefused(TextFlaw::kSyntax, line_, 0, "unexpected end of data");
}

}  // namespace congress
