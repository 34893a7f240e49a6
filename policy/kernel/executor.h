// Runs a plan, a batch of bindings at a time, column by column.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "builtin.h"
#include "guard.h"
#include "plan.h"
#include "symbols.h"

namespace congress {

constexpr std::uint32_t kBatch = 1024;  // bindings: what a few columns of them take fits the cache

// Rows that a plan derives: `count` of them, cell after cell.
struct Derived {
    const Id* cells;
    const std::uint32_t* hashes;
    const std::uint32_t* heights;  // of the highest row of the component that was used, plus one
    const std::uint32_t* origins;  // which of the given bindings each came from
    std::uint32_t count;
    std::uint32_t width;

    const Id* row(std::uint32_t number) const { return cells + std::size_t{number} * width; }
};

class Sink {
public:
    virtual ~Sink() = default;
    // May insert into any relation, also those that the plan reads.
    virtual void take(const Derived& rows) = 0;
};

enum class Reads : std::uint8_t { kAsPlanned, kNew, kOld };

// How a plan is to be run.
struct Run {
    const Plan* plan = nullptr;
    Sink* sink = nullptr;
    Guard* guard = nullptr;
    FailureLog* failures = nullptr;
    Reads reads = Reads::kAsPlanned;
    std::span<const RowId> changes;       // what a scan with `reads_changes` reads
    std::span<const Id> given;            // `bindings` rows of plan->given.size() cells
    std::uint32_t bindings = 1;
    Relation* const* component = nullptr;  // relations whose heights count; null: none
    std::size_t component_size = 0;
    std::span<const std::uint32_t> bounds;  // by binding: rows of the component must be lower
    std::uint8_t* is_found = nullptr;       // by binding: no more is asked for once it is set
};

// Owns the space for batches; plans are run one at a time. Cost: nothing is allocated once a plan
// was run.
class Executor {
public:
    explicit Executor(Symbols& symbols) : symbols_(symbols) {}

    // Raises: LimitExceeded, Stopped, std::bad_alloc, and what the sink or a builtin raises.
    void run(const Run& run);

private:
    // The bindings between two steps.
    struct Frame {
        std::vector<std::unique_ptr<Id[]>> registers;
        std::unique_ptr<std::uint32_t[]> heights;
        std::unique_ptr<std::uint32_t[]> origins;
        std::unique_ptr<std::uint32_t[]> sources;  // of each binding: its place in the frame before
        std::unique_ptr<RowId[]> rows;             // … and the row that extended it
        std::unique_ptr<std::uint32_t[]> hashes;   // of the keys that a step looks up for it
        std::unique_ptr<std::uint8_t[]> kept;      // whether a filter keeps it
        Buffer<Id> keys;
        Buffer<Id> solutions;
        std::uint32_t size = 0;

        Id* column(Register number) { return registers[number].get(); }
    };

    Frame& frame(std::size_t depth);
    static void make_column(Frame& frame, Register number);

    // Runs the steps from `step` on for the bindings in the frame at `depth`.
    void continue_at(std::size_t step, std::size_t depth);
    void start(std::uint32_t first, std::uint32_t count);

    // Steps that extend bindings, into the frame below.
    void scan(const Step& step, std::size_t number, std::size_t depth);
    void probe(const Step& step, std::size_t number, std::size_t depth);
    void choose(const Step& step, std::size_t number, std::size_t depth);
    void gather(const Step& step, std::size_t number, std::size_t depth);
    void call(const Step& step, std::size_t number, std::size_t depth);

    // Steps that keep some bindings, or add a register, in place.
    void lookup(const Step& step, Frame& frame);
    void exists(const Step& step, Frame& frame);
    void ask(const Step& step, Frame& frame);
    void compare(const Step& step, Frame& frame);
    void among(const Step& step, Frame& frame);
    void copy(const Step& step, Frame& frame);
    void fails(const Step& step, Frame& frame);
    void emit(Frame& frame);

    bool extends(const Step& step, RowId row, Frame& from, std::uint32_t binding) const;
    void add(const Step& step, std::size_t number, std::size_t depth, std::uint32_t binding,
             RowId row, bool has_height);
    void flush(const Step& step, std::size_t number, std::size_t depth);
    void compact(const Step& step, Frame& frame);
    void take_keys(const Step& step, Frame& frame);
    void run_inner(const Step& step, Frame& frame, Sink& sink, std::uint8_t* is_found);
    void hash_keys(const Step& step, Frame& frame);
    std::uint32_t solve(const Step& step, Frame& frame, std::uint32_t binding);
    bool agrees(const Step& step, Frame& frame, std::uint32_t binding, const Id* solution) const;
    State state_of(const Step& step) const;
    bool is_in_component(const Relation* relation) const;
    bool is_done(const Frame& frame, std::uint32_t binding) const {
        return run_->is_found != nullptr && run_->is_found[frame.origins[binding]] != 0;
    }
    static Id cell(Operand operand, Frame& frame, std::uint32_t binding) {
        return operand.is_constant ? operand.value
                                   : frame.column(static_cast<Register>(operand.value))[binding];
    }

    Symbols& symbols_;
    const Run* run_ = nullptr;
    std::vector<std::unique_ptr<Frame>> frames_;
    std::unique_ptr<Executor> inner_;  // for the plans of an ask step
    Buffer<Id> out_;  // rows on their way to the sink
    std::unique_ptr<std::uint32_t[]> out_hashes_ = std::make_unique<std::uint32_t[]>(kBatch);
};

}  // namespace congress
