// What the kernel refuses; the bindings turn each into a Python exception.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace congress {

using RuleId = std::uint32_t;
constexpr RuleId kNoRule = 0xFFFF'FFFF;

// A rule derives, or joins on the way, more than it may.
class LimitExceeded : public std::runtime_error {
public:
    LimitExceeded(RuleId rule, const std::string& what) : std::runtime_error(what), rule(rule) {}
    RuleId rule;
};

// A relation has no number left for one more row, or derivation.
class TableFull : public std::runtime_error {
public:
    TableFull(std::uint32_t relation, const char* what)
        : std::runtime_error(what), relation(relation) {}
    std::uint32_t relation;
};

// A call was stopped on its way; with the rule that ran, kNoRule outside of one.
class Stopped : public std::runtime_error {
public:
    Stopped(RuleId rule, const char* what) : std::runtime_error(what), rule(rule) {}
    RuleId rule;
};

// Somebody asked to stop.
class Cancelled : public Stopped {
public:
    explicit Cancelled(RuleId rule) : Stopped(rule, "it was cancelled") {}
};

class DeadlinePassed : public Stopped {
public:
    explicit DeadlinePassed(RuleId rule) : Stopped(rule, "it was not done by its deadline") {}
};

// A plan, an id or a width that does not fit: a mistake in the planner.
class InvalidPlan : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

// No table may hold a cell, or a row has another width: then `column` is the expected width.
class CellRefused : public std::runtime_error {
public:
    CellRefused(std::size_t row, std::size_t column, const std::string& reason)
        : std::runtime_error(reason), row(row), column(column) {}
    std::size_t row;
    std::size_t column;
};

// Columns in memory that contradict themselves.
class InvalidColumns : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

enum class TextFlaw : std::uint8_t {
    kEncoding,  // it is not UTF-8
    kSyntax,    // a quote is not where one may be
    kEmpty,     // no line names the columns
    kTwice,     // a column is named twice
    kWidth,     // a line has another number of cells than the first one
    kUnknown,   // there is no column of this name
    kNull,      // a cell is null that must not be
    kType,      // a cell is not of its column's type
    kValue,     // no table may hold a cell
};

// Text in lines cannot be read as rows.
class TextRefused : public std::runtime_error {
public:
    TextRefused(TextFlaw flaw, std::size_t line, std::size_t column, const std::string& detail)
        : std::runtime_error(detail), flaw(flaw), line(line), column(column), detail(detail) {}
    TextFlaw flaw;
    std::size_t line;    // from 1
    std::size_t column;  // of the rows; for kUnknown of the first line
    std::string detail;  // the cell, the reason, the name or the number of cells
};

}  // namespace congress
