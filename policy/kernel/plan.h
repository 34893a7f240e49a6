// What the planner hands over: one variant of a rule as steps over registers.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "relation.h"
#include "value.h"

namespace congress {

class Builtin;

using Register = std::uint16_t;
constexpr std::size_t kMaxRegisters = 4096;

// A register, or a constant.
struct Operand {
    bool is_constant = false;
    std::uint32_t value = 0;  // the register's number, or the constant's id
};

enum class Comparison : std::uint8_t { kEqual, kUnequal, kLess, kLessEqual };

enum class StepKind : std::uint8_t {
    kScan,     // each row of a table, or of the changes that the run is given
    kProbe,    // each row whose columns equal the key, by an index
    kLookup,   // keep what has (or, negated, has not) exactly this row
    kExists,   // keep what has (or has not) a row whose columns equal the key, by an index
    kGather,   // once for each row that one of some plans gives
    kAsk,      // keep what one of some plans has (or none has) a solution for
    kCompare,  // keep what a comparison of two operands holds for
    kAmong,    // keep what is (or is not) one of some constants
    kChoose,   // once for each of some constants
    kCopy,     // a register gets the value of an operand
    kCall,     // a builtin: once for each of its solutions
    kFails,    // keep what a builtin has no (agreeing) solution for
};

// What to do with each binding. Which fields count depends on the kind:
//   scan     relation, state, reads_changes, picks, checks, same
//   probe    relation, state, columns, key, picks, checks, same
//   lookup   relation, state, key (all columns), is_negated
//   exists   relation, state, columns, key, is_negated
//   gather   plans, key (the values that they are given), results
//   ask      plans, key (the values that they are given), is_negated
//   compare  comparison, key (left and right)
//   among    key (one), constants, is_negated
//   choose   constants, results (one)
//   copy     key (one), results (one)
//   call     builtin, key (inputs), results, checks (number of a result, operand)
//   fails    builtin, key (inputs), checks
struct Plan;

struct Step {
    StepKind kind;
    State state = State::kNew;
    bool reads_changes = false;
    bool is_negated = false;
    Comparison comparison = Comparison::kEqual;
    Relation* relation = nullptr;
    std::shared_ptr<Index> index;  // of probe and exists
    Builtin* builtin = nullptr;
    std::vector<std::uint32_t> columns;
    std::vector<Operand> key;
    std::vector<std::pair<std::uint32_t, Register>> picks;   // column → register
    std::vector<std::pair<std::uint32_t, Operand>> checks;   // column or result = operand
    std::vector<std::pair<std::uint32_t, std::uint32_t>> same;  // two columns that must be equal
    std::vector<Id> constants;                               // sorted
    std::vector<std::pair<std::uint32_t, Register>> results; // number of a result → register
    std::vector<std::shared_ptr<const Plan>> plans;
    std::vector<Register> keep;  // registers that later steps or the head read; without the new ones
};

// Invariant (checked by `check_plan`): a register is written once, before it is read.
struct Plan {
    std::vector<std::shared_ptr<Relation>> relations;  // what the steps read stays as long as these
    std::vector<Register> given;  // registers that have values at the start
    std::vector<Step> steps;
    std::vector<Operand> head;
    std::uint32_t registers = 0;
};

// Raises: InvalidPlan: a number is out of range, or a register is read before it is written.
void check_plan(const Plan& plan);

}  // namespace congress
