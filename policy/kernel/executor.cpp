#include "executor.h"

#include <algorithm>
#include <cstring>

#include "hash.h"
#include "order.h"

namespace congress {

namespace {

constexpr std::uint32_t kAhead = 16;  // how far ahead of its use a cache line is asked for

}  // namespace

Executor::Frame& Executor::frame(std::size_t depth) {
    while (frames_.size() <= depth) {
        auto made = std::make_unique<Frame>();
        made->heights = std::make_unique<std::uint32_t[]>(kBatch);
        made->origins = std::make_unique<std::uint32_t[]>(kBatch);
        made->sources = std::make_unique<std::uint32_t[]>(kBatch);
        made->rows = std::make_unique<RowId[]>(kBatch);
        made->hashes = std::make_unique<std::uint32_t[]>(kBatch);
        made->kept = std::make_unique<std::uint8_t[]>(kBatch);
        frames_.push_back(std::move(made));
    }
    return *frames_[depth];
}

void Executor::make_column(Frame& frame, Register number) {
    if (frame.registers.size() <= number) frame.registers.resize(number + std::size_t{1});
    auto& column = frame.registers[number];
    if (column == nullptr) column = std::make_unique_for_overwrite<Id[]>(kBatch);
}

State Executor::state_of(const Step& step) const {
    if (run_->reads == Reads::kAsPlanned) return step.state;
    return run_->reads == Reads::kNew ? State::kNew : State::kOld;
}

bool Executor::is_in_component(const Relation* relation) const {
    const auto* end = run_->component + run_->component_size;
    return run_->component != nullptr && std::find(run_->component, end, relation) != end;
}

void Executor::run(const Run& run) {
    run_ = &run;
    for (std::uint32_t first = 0; first < run.bindings; first += kBatch) {
        start(first, std::min(kBatch, run.bindings - first));
    }
}

void Executor::start(std::uint32_t first, std::uint32_t count) {
    Frame& frame = this->frame(0);
    const std::vector<Register>& given = run_->plan->given;
    for (std::size_t place = 0; place < given.size(); ++place) {
        make_column(frame, given[place]);
        Id* column = frame.column(given[place]);
        const Id* cell = run_->given.data() + first * given.size() + place;
        for (std::uint32_t n = 0; n < count; ++n, cell += given.size()) column[n] = *cell;
    }
    for (std::uint32_t n = 0; n < count; ++n) {
        frame.heights[n] = 0;
        frame.origins[n] = first + n;
    }
    frame.size = count;
    continue_at(0, 0);
}

void Executor::continue_at(std::size_t number, std::size_t depth) {
    Frame& frame = this->frame(depth);
    for (; number < run_->plan->steps.size() && frame.size != 0; ++number) {
        const Step& step = run_->plan->steps[number];
        switch (step.kind) {
            case StepKind::kScan:
                return scan(step, number, depth);
            case StepKind::kProbe:
                return probe(step, number, depth);
            case StepKind::kGather:
                return gather(step, number, depth);
            case StepKind::kChoose:
                return choose(step, number, depth);
            case StepKind::kCall:
                return call(step, number, depth);
            case StepKind::kLookup:
                lookup(step, frame);
                break;
            case StepKind::kExists:
                exists(step, frame);
                break;
            case StepKind::kAsk:
                ask(step, frame);
                break;
            case StepKind::kCompare:
                compare(step, frame);
                break;
            case StepKind::kAmong:
                among(step, frame);
                break;
            case StepKind::kCopy:
                copy(step, frame);
                break;
            case StepKind::kFails:
                fails(step, frame);
                break;
        }
    }
    if (frame.size != 0) emit(frame);
}

// --- steps that extend bindings

bool Executor::extends(const Step& step, RowId row, Frame& from, std::uint32_t binding) const {
    const Id* cells = step.relation->row(row);
    for (const auto& [left, right] : step.same) {
        if (cells[left] != cells[right]) return false;
    }
    for (const auto& [column, operand] : step.checks) {
        if (cells[column] != cell(operand, from, binding)) return false;
    }
    return true;
}

inline void Executor::add(const Step& step, std::size_t number, std::size_t depth,
                          std::uint32_t binding, RowId row, bool has_height) {
    Frame& from = *frames_[depth];
    Frame& to = *frames_[depth + 1];
    std::uint32_t height = from.heights[binding];
    if (has_height) {
        const std::uint32_t support = step.relation->support(row);
        if (!run_->bounds.empty() && support >= run_->bounds[from.origins[binding]]) return;
        height = std::max(height, support + 1);
    }
    to.heights[to.size] = height;
    to.origins[to.size] = from.origins[binding];
    to.sources[to.size] = binding;
    to.rows[to.size] = row;
    if (++to.size == kBatch) flush(step, number, depth);
}

void Executor::flush(const Step& step, std::size_t number, std::size_t depth) {
    Frame& from = *frames_[depth];
    Frame& to = *frames_[depth + 1];
    if (to.size == 0) return;
    for (const Register kept : step.keep) {
        make_column(to, kept);
        Id* column = to.column(kept);
        const Id* source = from.column(kept);
        for (std::uint32_t n = 0; n < to.size; ++n) column[n] = source[to.sources[n]];
    }
    for (const auto& [column_number, picked] : step.picks) {
        make_column(to, picked);
        Id* column = to.column(picked);
        for (std::uint32_t n = 0; n < to.size; ++n) {
            if (n + kAhead < to.size) step.relation->prefetch_row(to.rows[n + kAhead]);
            column[n] = step.relation->row(to.rows[n])[column_number];
        }
    }
    continue_at(number + 1, depth + 1);
    to.size = 0;
}

void Executor::scan(const Step& step, std::size_t number, std::size_t depth) {
    frame(depth + 1).size = 0;
    Frame& from = *frames_[depth];
    const Relation& relation = *step.relation;
    const State state = state_of(step);
    const bool has_height = is_in_component(&relation);
    const RowId end = relation.end();  // rows that come meanwhile are not in it
    for (std::uint32_t binding = 0; binding < from.size; ++binding) {
        if (is_done(from, binding)) continue;
        run_->guard->spend(step.reads_changes ? run_->changes.size() : end);
        if (step.reads_changes) {
            for (const RowId row : run_->changes) {
                if (is_done(from, binding)) break;
                if (extends(step, row, from, binding)) add(step, number, depth, binding, row, has_height);
            }
            continue;
        }
        for (RowId row = 0; row < end; ++row) {
            if (!relation.is_in(row, state) || !extends(step, row, from, binding)) continue;
            if (is_done(from, binding)) break;
            add(step, number, depth, binding, row, has_height);
        }
    }
    flush(step, number, depth);
}

// The values of the step's key, binding after binding.
void Executor::take_keys(const Step& step, Frame& frame) {
    const std::size_t width = step.key.size();
    frame.keys.clear();
    frame.keys.resize(width * frame.size, 0);
    for (std::size_t place = 0; place < width; ++place) {
        const Operand operand = step.key[place];
        Id* key = frame.keys.data() + place;
        for (std::uint32_t n = 0; n < frame.size; ++n, key += width) *key = cell(operand, frame, n);
    }
}

void Executor::hash_keys(const Step& step, Frame& frame) {
    take_keys(step, frame);
    const std::size_t width = step.key.size();
    const Id* key = frame.keys.data();
    for (std::uint32_t n = 0; n < frame.size; ++n, key += width) {
        frame.hashes[n] = hash_cells(key, width);
    }
}

void Executor::probe(const Step& step, std::size_t number, std::size_t depth) {
    frame(depth + 1).size = 0;
    Frame& from = *frames_[depth];
    const Relation& relation = *step.relation;
    step.relation->fill(*step.index);
    const Index& index = *step.index;
    const bool is_plain = relation.is_settled() && step.same.empty() && step.checks.empty();
    const State state = state_of(step);
    const bool has_height = is_in_component(&relation);
    hash_keys(step, from);
    const std::size_t width = step.key.size();
    for (std::uint32_t binding = 0; binding < from.size; ++binding) {
        if (binding + kAhead < from.size) index.prefetch(from.hashes[binding + kAhead]);
        if (is_done(from, binding)) continue;
        const Index::Rows found =
            index.find(from.keys.data() + binding * width, from.hashes[binding]);
        run_->guard->spend(found.length);
        for (std::uint32_t place = 0; place < found.length; ++place) {
            const RowId row = index.row_at(found, place);
            if (is_done(from, binding)) break;
            if (!is_plain) {
                if (!relation.is_in(row, state) || !extends(step, row, from, binding)) continue;
            }
            add(step, number, depth, binding, row, has_height);
        }
    }
    flush(step, number, depth);
}

void Executor::choose(const Step& step, std::size_t number, std::size_t depth) {
    frame(depth + 1).size = 0;
    Frame& from = *frames_[depth];
    Frame& to = *frames_[depth + 1];
    make_column(to, step.results[0].second);
    for (std::uint32_t binding = 0; binding < from.size; ++binding) {
        run_->guard->spend(step.constants.size());
        for (const Id constant : step.constants) {
            to.column(step.results[0].second)[to.size] = constant;
            add(step, number, depth, binding, kNoRow, false);
        }
    }
    flush(step, number, depth);
}

bool Executor::agrees(const Step& step, Frame& frame, std::uint32_t binding,
                      const Id* solution) const {
    for (const auto& [result, operand] : step.checks) {
        if (solution[result] != cell(operand, frame, binding)) return false;
    }
    for (const auto& [left, right] : step.same) {
        if (solution[left] != solution[right]) return false;
    }
    return true;
}

// Leaves the solutions of a builtin in the frame, and gives how many there are.
std::uint32_t Executor::solve(const Step& step, Frame& frame, std::uint32_t binding) {
    frame.solutions.clear();
    Id inputs[kMaxColumns];
    Id* input = inputs;
    for (const Operand operand : step.key) *input++ = cell(operand, frame, binding);
    const char* failure = nullptr;
    const std::uint32_t count = step.builtin->solve(inputs, frame.solutions, failure);
    if (failure != nullptr && run_->failures != nullptr) {
        run_->failures->note(*step.builtin, failure, inputs);
    }
    return count;
}

void Executor::call(const Step& step, std::size_t number, std::size_t depth) {
    frame(depth + 1).size = 0;
    Frame& from = *frames_[depth];
    Frame& to = *frames_[depth + 1];
    for (const auto& result : step.results) make_column(to, result.second);
    for (std::uint32_t binding = 0; binding < from.size; ++binding) {
        if (is_done(from, binding)) continue;
        const std::uint32_t count = solve(step, from, binding);
        run_->guard->spend(std::uint64_t{count} + 1);
        for (std::uint32_t n = 0; n < count; ++n) {
            const Id* solution = from.solutions.data() + std::size_t{n} * step.builtin->outputs;
            if (!agrees(step, from, binding, solution)) continue;
            for (const auto& [result, target] : step.results) {
                to.column(target)[to.size] = solution[result];
            }
            add(step, number, depth, binding, kNoRow, false);
        }
    }
    flush(step, number, depth);
}

// --- steps that keep some bindings

void Executor::compact(const Step& step, Frame& frame) {
    std::uint32_t size = 0;
    for (std::uint32_t n = 0; n < frame.size; ++n) size += frame.kept[n];
    if (size == frame.size) return;
    const auto squeeze = [&](std::uint32_t* column) {
        std::uint32_t to = 0;
        for (std::uint32_t n = 0; n < frame.size; ++n) {
            column[to] = column[n];
            to += frame.kept[n];
        }
    };
    for (const Register kept : step.keep) squeeze(frame.column(kept));
    squeeze(frame.heights.get());
    squeeze(frame.origins.get());
    frame.size = size;
}

void Executor::lookup(const Step& step, Frame& frame) {
    const Relation& relation = *step.relation;
    const State state = state_of(step);
    const bool is_counted = !step.is_negated && is_in_component(&relation);
    hash_keys(step, frame);
    const std::size_t width = step.key.size();
    for (std::uint32_t n = 0; n < frame.size; ++n) {
        if (n + kAhead < frame.size) relation.prefetch(frame.hashes[n + kAhead]);
        const RowId row = relation.find(frame.keys.data() + n * width, frame.hashes[n]);
        bool is_there = row != kNoRow && relation.is_in(row, state);
        if (is_there && is_counted) {
            const std::uint32_t support = relation.support(row);
            is_there = run_->bounds.empty() || support < run_->bounds[frame.origins[n]];
            frame.heights[n] = std::max(frame.heights[n], support + 1);
        }
        frame.kept[n] = is_there != step.is_negated;
    }
    compact(step, frame);
}

void Executor::exists(const Step& step, Frame& frame) {
    const Relation& relation = *step.relation;
    step.relation->fill(*step.index);
    const Index& index = *step.index;
    const State state = state_of(step);
    const bool has_height = !step.is_negated && is_in_component(&relation);
    hash_keys(step, frame);
    const std::size_t width = step.key.size();
    for (std::uint32_t n = 0; n < frame.size; ++n) {
        if (n + kAhead < frame.size) index.prefetch(frame.hashes[n + kAhead]);
        const Index::Rows found = index.find(frame.keys.data() + n * width, frame.hashes[n]);
        bool is_there = false;
        std::uint32_t lowest = ~std::uint32_t{0};
        std::uint32_t place = 0;
        for (; place < found.length; ++place) {
            const RowId row = index.row_at(found, place);
            if (!relation.is_in(row, state)) continue;
            is_there = true;
            if (!has_height) break;
            lowest = std::min(lowest, relation.support(row));
        }
        if (place > kBatch) run_->guard->pass(place);
        if (is_there && has_height) {
            is_there = run_->bounds.empty() || lowest < run_->bounds[frame.origins[n]];
            frame.heights[n] = std::max(frame.heights[n], lowest + 1);
        }
        frame.kept[n] = is_there != step.is_negated;
    }
    compact(step, frame);
}

namespace {

// Notes for which bindings a plan has a solution.
class Solved : public Sink {
public:
    explicit Solved(std::uint8_t* is_solved) : is_solved_(is_solved) {}
    void take(const Derived& rows) override {
        for (std::uint32_t n = 0; n < rows.count; ++n) is_solved_[rows.origins[n]] = 1;
    }

private:
    std::uint8_t* is_solved_;
};

// Takes all rows, with the binding that each came from.
class Gathered : public Sink {
public:
    void take(const Derived& rows) override {
        cells.append(rows.cells, std::size_t{rows.count} * rows.width);
        origins.append(rows.origins, rows.count);
    }
    Buffer<Id> cells;
    Buffer<std::uint32_t> origins;
};

}  // namespace

// Runs the plans of a step, in an executor of their own, for all bindings of a frame.
void Executor::run_inner(const Step& step, Frame& frame, Sink& sink, std::uint8_t* is_found) {
    if (inner_ == nullptr) inner_ = std::make_unique<Executor>(symbols_);
    take_keys(step, frame);
    Run run;
    run.sink = &sink;
    run.guard = run_->guard;
    run.failures = run_->failures;
    run.reads = run_->reads;
    run.given = {frame.keys.data(), frame.keys.size()};
    run.bindings = frame.size;
    run.is_found = is_found;
    for (const auto& plan : step.plans) {
        run.plan = plan.get();
        inner_->run(run);
    }
}

void Executor::ask(const Step& step, Frame& frame) {
    std::memset(frame.kept.get(), 0, frame.size);
    Solved solved(frame.kept.get());
    run_inner(step, frame, solved, frame.kept.get());
    if (step.is_negated) {
        for (std::uint32_t n = 0; n < frame.size; ++n) frame.kept[n] ^= 1;
    }
    compact(step, frame);
}

void Executor::gather(const Step& step, std::size_t number, std::size_t depth) {
    frame(depth + 1).size = 0;
    Frame& from = *frames_[depth];
    Frame& to = *frames_[depth + 1];
    Gathered gathered;
    run_inner(step, from, gathered, nullptr);
    for (const auto& result : step.results) make_column(to, result.second);
    const std::size_t width = step.plans.empty() ? 0 : step.plans.front()->head.size();
    for (std::size_t n = 0; n < gathered.origins.size(); ++n) {
        const Id* cells = gathered.cells.data() + n * width;
        for (const auto& [place, target] : step.results) to.column(target)[to.size] = cells[place];
        add(step, number, depth, gathered.origins[n], kNoRow, false);
    }
    flush(step, number, depth);
}

void Executor::compare(const Step& step, Frame& frame) {
    const Operand left = step.key[0];
    const Operand right = step.key[1];
    for (std::uint32_t n = 0; n < frame.size; ++n) {
        const Id x = cell(left, frame, n);
        const Id y = cell(right, frame, n);
        bool holds = false;
        switch (step.comparison) {
            case Comparison::kEqual:
                holds = x == y;
                break;
            case Comparison::kUnequal:
                holds = x != y;
                break;
            case Comparison::kLess:
                holds = is_less(symbols_, x, y);
                break;
            case Comparison::kLessEqual:
                holds = is_less_or_equal(symbols_, x, y);
                break;
        }
        frame.kept[n] = holds;
    }
    compact(step, frame);
}

void Executor::among(const Step& step, Frame& frame) {
    for (std::uint32_t n = 0; n < frame.size; ++n) {
        const bool is_one = std::ranges::binary_search(step.constants, cell(step.key[0], frame, n));
        frame.kept[n] = is_one != step.is_negated;
    }
    compact(step, frame);
}

void Executor::copy(const Step& step, Frame& frame) {
    make_column(frame, step.results[0].second);
    Id* column = frame.column(step.results[0].second);
    for (std::uint32_t n = 0; n < frame.size; ++n) column[n] = cell(step.key[0], frame, n);
}

void Executor::fails(const Step& step, Frame& frame) {
    for (std::uint32_t binding = 0; binding < frame.size; ++binding) {
        const std::uint32_t count = solve(step, frame, binding);
        bool is_solved = false;
        for (std::uint32_t n = 0; n < count && !is_solved; ++n) {
            const Id* solution = frame.solutions.data() + std::size_t{n} * step.builtin->outputs;
            is_solved = agrees(step, frame, binding, solution);
        }
        frame.kept[binding] = !is_solved;
    }
    compact(step, frame);
}

void Executor::emit(Frame& frame) {
    const std::vector<Operand>& head = run_->plan->head;
    const auto width = static_cast<std::uint32_t>(head.size());
    out_.clear();
    out_.resize(std::size_t{width} * frame.size, 0);
    for (std::uint32_t place = 0; place < width; ++place) {
        const Operand operand = head[place];
        Id* out = out_.data() + place;
        for (std::uint32_t n = 0; n < frame.size; ++n, out += width) *out = cell(operand, frame, n);
    }
    for (std::uint32_t n = 0; n < frame.size; ++n) {
        out_hashes_[n] = hash_cells(out_.data() + std::size_t{n} * width, width);
    }
    run_->sink->take({out_.data(), out_hashes_.get(), frame.heights.get(), frame.origins.get(),
                      frame.size, width});
}

}  // namespace congress
