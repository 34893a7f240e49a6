#include "rule_text.h"

#include <cctype>
#include <stdexcept>

namespace congress::tests {

namespace {

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    RuleText rule() {
        RuleText read;
        read.head = atom();
        if (!takes(":-")) return read;
        do {
            if (takes("not ")) {
                read.body.push_back(atom());
                read.body.back().is_negated = true;
            } else if (is_atom()) {
                read.body.push_back(atom());
            } else {
                read.conditions.push_back(condition());
            }
        } while (takes(","));
        return read;
    }

private:
    void skip_spaces() {
        while (!text_.empty() && text_[0] == ' ') text_.remove_prefix(1);
    }
    bool takes(std::string_view word) {
        skip_spaces();
        if (!text_.starts_with(word)) return false;
        text_.remove_prefix(word.size());
        return true;
    }
    static bool is_word(char letter) {
        return std::isalnum(static_cast<unsigned char>(letter)) != 0;
    }

    bool is_atom() {
        skip_spaces();
        std::size_t end = 0;
        while (end < text_.size() && is_word(text_[end])) ++end;
        return end < text_.size() && text_[end] == '(';
    }

    std::string word() {
        skip_spaces();
        std::size_t end = 0;
        while (end < text_.size() && is_word(text_[end])) ++end;
        if (end == 0) throw std::invalid_argument("no word at: " + std::string(text_));
        std::string taken(text_.substr(0, end));
        text_.remove_prefix(end);
        return taken;
    }

    TermText term() {
        const std::string taken = word();
        const bool is_number = std::isdigit(static_cast<unsigned char>(taken[0])) != 0;
        if (is_number) return {false, std::stoi(taken)};
        return {true, taken[0] - 'a'};
    }

    AtomText atom() {
        AtomText read;
        read.table = word();
        if (!takes("(")) throw std::invalid_argument("no ( at: " + std::string(text_));
        while (!takes(")")) {
            read.terms.push_back(term());
            takes(",");
        }
        return read;
    }

    ConditionText condition() {
        const TermText left = term();
        Comparison comparison = Comparison::kEqual;
        if (takes("!=")) {
            comparison = Comparison::kUnequal;
        } else if (takes("<=")) {
            comparison = Comparison::kLessEqual;
        } else if (takes("<")) {
            comparison = Comparison::kLess;
        } else if (!takes("=")) {
            throw std::invalid_argument("no comparison at: " + std::string(text_));
        }
        return {left, comparison, term()};
    }

    std::string_view text_;
};

std::string to_text(TermText term) {
    if (!term.is_variable) return std::to_string(term.number);
    return std::string(1, static_cast<char>('a' + term.number));
}

std::string to_text(const AtomText& atom) {
    std::string text = (atom.is_negated ? "not " : "") + atom.table + "(";
    for (std::size_t n = 0; n < atom.terms.size(); ++n) {
        text += (n == 0 ? "" : ", ") + to_text(atom.terms[n]);
    }
    return text + ")";
}

}  // namespace

RuleText parse(std::string_view text) { return Reader(text).rule(); }

std::string to_text(const RuleText& rule) {
    static constexpr const char* kSigns[] = {" = ", " != ", " < ", " <= "};
    std::string text = to_text(rule.head);
    const char* before = " :- ";
    for (const AtomText& atom : rule.body) {
        text += before + to_text(atom);
        before = ", ";
    }
    for (const ConditionText& condition : rule.conditions) {
        text += before + to_text(condition.left) +
                kSigns[static_cast<std::size_t>(condition.comparison)] + to_text(condition.right);
        before = ", ";
    }
    return text;
}

}  // namespace congress::tests
