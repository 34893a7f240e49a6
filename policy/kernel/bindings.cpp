// Everything that knows Python: values in and out, plans in, the calls of the language's builtins.
//
// Threads: the caller lets one thread at a time into a Kernel. `propagate` and `query` run without
// the interpreter lock and take it for the planner, for builtins and to see signals.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

#include "kernel.h"
#include "memo.h"
#include "native.h"

namespace py = pybind11;

namespace congress {
namespace {

// --- values

class CellRefused : public std::runtime_error {
public:
    CellRefused(std::size_t row, std::size_t column, const std::string& reason)
        : std::runtime_error(reason), row(row), column(column) {}
    std::size_t row;
    std::size_t column;
};

[[noreturn]] void refuse(const std::string& reason) { throw CellRefused(0, 0, reason); }

// Calls `use` with what a Python value is; raises CellRefused: no table may hold it.
template <class Use>
auto with_value(PyObject* value, Use use) {
    if (PyUnicode_CheckExact(value)) {
        Py_ssize_t size = 0;
        const char* text = PyUnicode_AsUTF8AndSize(value, &size);
        if (text == nullptr) {
            PyErr_Clear();
            refuse("text with a lone surrogate");
        }
        if (std::memchr(text, 0, static_cast<std::size_t>(size)) != nullptr) refuse("text with NUL");
        return use(std::string_view(text, static_cast<std::size_t>(size)));
    }
    if (PyLong_CheckExact(value)) {
        int overflow = 0;
        const long long integer = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (overflow != 0) refuse("an integer beyond 64 bits");
        return use(std::int64_t{integer});
    }
    if (PyFloat_CheckExact(value)) {
        const double real = PyFloat_AS_DOUBLE(value);
        if (!std::isfinite(real)) refuse("a float that is not a finite number");
        return use(real);
    }
    if (PyBool_Check(value)) return use(value == Py_True);
    if (value == Py_None) return use(nullptr);
    refuse("a value of type " + std::string(Py_TYPE(value)->tp_name));
}

struct Interning {
    Symbols& symbols;
    Id operator()(std::string_view text) const { return symbols.intern_text(text); }
    Id operator()(std::int64_t integer) const { return symbols.intern_integer(integer); }
    Id operator()(double real) const { return symbols.intern_float(real); }
    Id operator()(bool value) const { return Symbols::boolean(value); }
    Id operator()(std::nullptr_t) const { return Symbols::kNullId; }
};

struct Finding {
    const Symbols& symbols;
    std::optional<Id> operator()(std::string_view text) const { return symbols.find_text(text); }
    std::optional<Id> operator()(std::int64_t i) const { return symbols.find_integer(i); }
    std::optional<Id> operator()(double real) const { return symbols.find_float(real); }
    std::optional<Id> operator()(bool value) const { return Symbols::boolean(value); }
    std::optional<Id> operator()(std::nullptr_t) const { return Symbols::kNullId; }
};

Id intern(Symbols& symbols, PyObject* value) { return with_value(value, Interning{symbols}); }

py::object to_python(const Symbols& symbols, Id id) {
    const Value value = symbols.value(id);
    switch (value.type) {
        case Type::kNull:
            return py::none();
        case Type::kBoolean:
            return py::bool_(value.integer != 0);
        case Type::kInteger:
            return py::int_(value.integer);
        case Type::kFloat:
            return py::float_(value.real);
        case Type::kText:
            return py::str(value.text.data(), value.text.size());
    }
    return py::none();
}

py::tuple decoded(const Symbols& symbols, const Id* cells, std::size_t width) {
    py::tuple row(width);
    for (std::size_t column = 0; column < width; ++column) {
        PyTuple_SET_ITEM(row.ptr(), static_cast<Py_ssize_t>(column),
                         to_python(symbols, cells[column]).release().ptr());
    }
    return row;
}

// Appends rows of values as ids. Raises CellRefused with row and column.
void intern_rows(Symbols& symbols, const py::handle& rows, std::uint32_t width, Buffer<Id>& out) {
    std::size_t number = 0;
    for (const py::handle row : rows) {
        PyObject* given = row.ptr();
        const bool is_plain = PyTuple_Check(given) || PyList_Check(given);
        const bool is_text = PyUnicode_Check(given) || PyBytes_Check(given);
        if (!is_plain && (is_text || PyDict_Check(given) || !PySequence_Check(given))) {
            throw CellRefused(number, width, "is no row");
        }
        const py::object kept = is_plain
                                    ? py::reinterpret_borrow<py::object>(row)
                                    : py::reinterpret_steal<py::object>(PySequence_Tuple(given));
        if (!kept) throw py::error_already_set();
        const Py_ssize_t size = PySequence_Fast_GET_SIZE(kept.ptr());
        if (size != static_cast<Py_ssize_t>(width)) {
            throw CellRefused(number, width,
                              "has " + std::to_string(size) + " cells, expected " +
                                  std::to_string(width));
        }
        PyObject** cells = PySequence_Fast_ITEMS(kept.ptr());
        if (width == 0) out.push_back(0);
        for (std::uint32_t column = 0; column < width; ++column) {
            try {
                out.push_back(intern(symbols, cells[column]));
            } catch (const CellRefused& refused) {
                throw CellRefused(number, column, refused.what());
            }
        }
        ++number;
    }
}

// --- plans

// Numbers as the planner writes them: a register as it is, a constant's id as its complement.
Operand operand(const py::handle& given) {
    const auto number = py::cast<std::int64_t>(given);
    if (number < 0) return {true, static_cast<std::uint32_t>(~number)};
    if (number >= static_cast<std::int64_t>(kMaxRegisters)) throw InvalidPlan("too many variables");
    return {false, static_cast<std::uint32_t>(number)};
}

std::vector<Operand> operands(const py::handle& given) {
    std::vector<Operand> made;
    for (const py::handle each : given) made.push_back(operand(each));
    return made;
}

template <class Second, class Make>
std::vector<std::pair<std::uint32_t, Second>> pairs(const py::handle& given, Make make) {
    std::vector<std::pair<std::uint32_t, Second>> made;
    for (const py::handle each : given) {
        const auto pair = py::cast<py::tuple>(each);
        made.emplace_back(py::cast<std::uint32_t>(pair[0]), make(pair[1]));
    }
    return made;
}


Comparison comparison_of(const std::string& name, std::vector<Operand>& key) {
    if (name == "=") return Comparison::kEqual;
    if (name == "!=") return Comparison::kUnequal;
    if (name == ">" || name == ">=") std::swap(key[0], key[1]);
    if (name == "<" || name == ">") return Comparison::kLess;
    if (name == "<=" || name == ">=") return Comparison::kLessEqual;
    throw InvalidPlan("there is no comparison '" + name + "'");
}

// Reads plans as the planner writes them; see _kernel.pyi.
class PlanReader {
public:
    PlanReader(Kernel& kernel, const std::vector<std::unique_ptr<Builtin>>& builtins)
        : kernel_(kernel), builtins_(builtins) {}

    std::unique_ptr<Plan> read(const py::tuple& given) const {
        auto plan = std::make_unique<Plan>();
        plan->given = registers(given[0]);
        for (const py::handle each : py::cast<py::sequence>(given[1])) {
            plan->steps.push_back(step(py::cast<py::tuple>(each)));
        }
        plan->head = operands(given[2]);
        plan->registers = count_registers(*plan);
        for (Step& step : plan->steps) {
            if (step.relation == nullptr) continue;
            plan->relations.push_back(kernel_.share_relation(step.relation->id()));
            if (!step.columns.empty()) step.index = step.relation->share_index(step.columns);
        }
        check_plan(*plan);
        return plan;
    }

private:
    Step step(const py::tuple& given) const {
        const auto name = py::cast<std::string>(given[0]);
        Step made{};
        if (name == "scan") {
            read_table(made, StepKind::kScan, given);
            made.reads_changes = py::cast<bool>(given[3]);
            read_extension(made, given, 4);
        } else if (name == "probe") {
            read_table(made, StepKind::kProbe, given);
            made.columns = py::cast<std::vector<std::uint32_t>>(given[3]);
            made.key = operands(given[4]);
            read_extension(made, given, 5);
        } else if (name == "lookup") {
            read_table(made, StepKind::kLookup, given);
            made.key = operands(given[3]);
            made.is_negated = py::cast<bool>(given[4]);
            made.keep = registers(given[5]);
        } else if (name == "exists") {
            read_table(made, StepKind::kExists, given);
            made.columns = py::cast<std::vector<std::uint32_t>>(given[3]);
            made.key = operands(given[4]);
            made.is_negated = py::cast<bool>(given[5]);
            made.keep = registers(given[6]);
        } else if (name == "gather") {
            read_inner(made, StepKind::kGather, given);
            made.results = results(given[3]);
            made.keep = registers(given[4]);
        } else if (name == "ask") {
            read_inner(made, StepKind::kAsk, given);
            made.is_negated = py::cast<bool>(given[3]);
            made.keep = registers(given[4]);
        } else if (name == "compare") {
            made.kind = StepKind::kCompare;
            made.key = {operand(given[2]), operand(given[3])};
            made.comparison = comparison_of(py::cast<std::string>(given[1]), made.key);
            made.keep = registers(given[4]);
        } else if (name == "among") {
            made.kind = StepKind::kAmong;
            made.key = {operand(given[1])};
            made.constants = constants(given[2]);
            made.is_negated = py::cast<bool>(given[3]);
            made.keep = registers(given[4]);
        } else if (name == "choose") {
            made.kind = StepKind::kChoose;
            made.constants = constants(given[1]);
            made.results = {{0, py::cast<Register>(given[2])}};
            made.keep = registers(given[3]);
        } else if (name == "copy") {
            made.kind = StepKind::kCopy;
            made.key = {operand(given[1])};
            made.results = {{0, py::cast<Register>(given[2])}};
            made.keep = registers(given[3]);
        } else if (name == "call") {
            read_call(made, StepKind::kCall, given);
            made.results = results(given[3]);
            read_checks(made, given, 4);
        } else if (name == "fails") {
            read_call(made, StepKind::kFails, given);
            read_checks(made, given, 3);
        } else {
            throw InvalidPlan("there is no step '" + name + "'");
        }
        return made;
    }

    void read_table(Step& made, StepKind kind, const py::tuple& given) const {
        made.kind = kind;
        made.relation = &kernel_.relation(py::cast<RelationId>(given[1]));
        made.state = py::cast<bool>(given[2]) ? State::kOld : State::kNew;
    }
    void read_extension(Step& made, const py::tuple& given, std::size_t from) const {
        made.picks = results(given[from]);
        read_checks(made, given, from + 1);
    }
    void read_checks(Step& made, const py::tuple& given, std::size_t from) const {
        made.checks = pairs<Operand>(given[from], [](const py::handle& h) { return operand(h); });
        made.same = pairs<std::uint32_t>(
            given[from + 1], [](const py::handle& h) { return py::cast<std::uint32_t>(h); });
        made.keep = registers(given[from + 2]);
    }
    void read_inner(Step& made, StepKind kind, const py::tuple& given) const {
        made.kind = kind;
        for (const py::handle plan : py::cast<py::sequence>(given[1])) {
            made.plans.push_back(read(py::cast<py::tuple>(plan)));
        }
        made.key = operands(given[2]);
    }
    void read_call(Step& made, StepKind kind, const py::tuple& given) const {
        made.kind = kind;
        const auto number = py::cast<std::size_t>(given[1]);
        if (number >= builtins_.size()) {
            throw InvalidPlan("there is no builtin " + std::to_string(number));
        }
        made.builtin = builtins_[number].get();
        made.key = operands(given[2]);
    }
    static std::vector<std::pair<std::uint32_t, Register>> results(const py::handle& given) {
        return pairs<Register>(given, [](const py::handle& h) { return py::cast<Register>(h); });
    }
    static std::vector<Register> registers(const py::handle& given) {
        return py::cast<std::vector<Register>>(given);
    }
    static std::vector<Id> constants(const py::handle& given) {
        auto made = py::cast<std::vector<Id>>(given);
        std::sort(made.begin(), made.end());
        return made;
    }
    static std::uint32_t count_registers(const Plan& plan) {
        std::uint32_t end = 0;
        const auto see = [&](Register number) { end = std::max<std::uint32_t>(end, number + 1u); };
        for (const Register number : plan.given) see(number);
        for (const Step& step : plan.steps) {
            for (const auto& pick : step.picks) see(pick.second);
            for (const auto& result : step.results) see(result.second);
        }
        return end;
    }

    Kernel& kernel_;
    const std::vector<std::unique_ptr<Builtin>>& builtins_;
};

// --- builtins

// A builtin of the language: called once for each of its inputs, as long as that is remembered.
class PythonBuiltin : public Builtin {
public:
    PythonBuiltin(std::string name, std::uint32_t inputs, std::uint32_t outputs, py::object solve,
                  const py::object& failure, Symbols& symbols)
        : Builtin(std::move(name), inputs, outputs),
          solve_(std::move(solve)),
          failure_(failure),
          symbols_(symbols),
          memo_(symbols, inputs, outputs) {}

    std::uint32_t solve(const Id* cells, Buffer<Id>& solutions, const char*& failure) override {
        const Memo::Found* found = memo_.find(cells);
        if (found == nullptr) {
            ask(cells);
            found = memo_.find(cells);
        }
        failure = found->failure;
        solutions.append(memo_.solutions() + found->offset, std::size_t{found->count} * outputs);
        return found->count;
    }

private:
    void ask(const Id* cells) {
        const py::gil_scoped_acquire lock;
        Buffer<Id> made;
        std::uint32_t count = 0;
        const char* failure = nullptr;
        try {
            const py::object answers = solve_(decoded(symbols_, cells, inputs));
            bool is_refused = false;
            for (const py::handle answer : answers) {
                const auto row = py::cast<py::tuple>(answer);
                const std::size_t before = made.size();
                try {
                    for (const py::handle cell : row) made.push_back(intern(symbols_, cell.ptr()));
                    ++count;
                } catch (const CellRefused&) {
                    made.truncate(before);
                    is_refused = true;
                }
            }
            if (is_refused && count == 0) failure = reason("the result is no value that a table may hold");
        } catch (py::error_already_set& error) {
            if (!error.matches(failure_)) throw;
            made.clear();
            count = 0;
            failure = reason(py::cast<std::string>(py::str(error.value())));
        }
        memo_.put(cells, made.data(), count, failure);
    }

    // A text that lives as long as the builtin; there are few different ones.
    const char* reason(const std::string& text) { return reasons_.try_emplace(text).first->first.c_str(); }

    py::object solve_;
    const py::object& failure_;
    Symbols& symbols_;
    Memo memo_;
    std::unordered_map<std::string, bool> reasons_;
};

// Calls of one rule that failed, by builtin and reason, with one example.
class RuleFailures : public FailureLog {
public:
    explicit RuleFailures(const Symbols& symbols) : symbols_(symbols) {}

    void note(const Builtin& builtin, const char* reason, const Id* inputs) override {
        const auto found = kinds_.find({&builtin, reason});
        if (found != kinds_.end()) {
            ++found->second.count;
            return;
        }
        const py::gil_scoped_acquire lock;  // for the example, also to make and to destroy it
        kinds_[{&builtin, reason}] = {1, decoded(symbols_, inputs, builtin.inputs)};
    }

    void clear() {
        if (kinds_.empty()) return;
        const py::gil_scoped_acquire lock;
        kinds_.clear();
    }
    py::list to_python() const {
        py::list made;
        for (const auto& [key, kind] : kinds_) {
            made.append(py::make_tuple(key.first->name, key.second, kind.count, kind.example));
        }
        return made;
    }

private:
    struct Kind {
        std::uint64_t count = 0;
        py::tuple example;
    };
    const Symbols& symbols_;
    std::map<std::pair<const Builtin*, std::string>, Kind> kinds_;
};

FoldPart fold_part(const std::string& function, std::uint32_t number) {
    if (function == "group") return {true, Aggregate::kCount, number};
    static const std::map<std::string, Aggregate> kFunctions = {{"count", Aggregate::kCount},
                                                                {"sum", Aggregate::kSum},
                                                                {"min", Aggregate::kMin},
                                                                {"max", Aggregate::kMax},
                                                                {"avg", Aggregate::kAverage}};
    const auto found = kFunctions.find(function);
    if (found == kFunctions.end()) throw InvalidPlan("there is no aggregate '" + function + "'");
    return {false, found->second, number};
}

// --- answers

// Gathers rows, each once.
class Answers : public Sink {
public:
    explicit Answers(std::uint32_t width, std::uint32_t most) : width_(width), most_(most) {}

    void take(const Derived& rows) override {
        for (std::uint32_t n = 0; n < rows.count && count_ < most_; ++n) {
            const Id* cells = rows.row(n);
            const std::size_t place = slots_.find(rows.hashes[n], [&](std::uint32_t other) {
                return std::equal(cells, cells + width_, row(other));  // null for no columns
            });
            if (!slots_.is_empty(place)) continue;
            slots_.reserve_more(1);
            cells_.append(cells, width_);
            slots_.fill(slots_.find(rows.hashes[n], [](std::uint32_t) { return false; }),
                        rows.hashes[n], count_++);
        }
        is_full_ = count_ >= most_;
    }
    std::uint8_t* is_full() { return &is_full_; }
    void reset(std::uint32_t width) {
        width_ = width;
        most_ = ~0u;
        is_full_ = 0;
        count_ = 0;
        cells_.clear();
        slots_.clear();
    }
    std::uint32_t size() const { return count_; }
    const Id* row(std::uint32_t number) const {
        return cells_.data() + std::size_t{number} * width_;
    }

private:
    std::uint32_t width_;
    std::uint32_t most_;
    std::uint8_t is_full_ = 0;
    std::uint32_t count_ = 0;
    Slots slots_;
    Buffer<Id> cells_;
};

py::tuple ids_of(const Id* cells, std::size_t width) {
    py::tuple row(width);
    for (std::size_t column = 0; column < width; ++column) row[column] = cells[column];
    return row;
}

// --- the face

// Ids that somebody outside of the kernel holds, to be let go when the kernel is at rest.
class Released {
public:
    void put(const std::vector<Id>& ids) {
        const std::lock_guard lock(mutex_);
        ids_.insert(ids_.end(), ids.begin(), ids.end());
    }
    void drain(Symbols& symbols) {
        const std::lock_guard lock(mutex_);
        for (const Id id : ids_) symbols.release(id);
        ids_.clear();
    }

private:
    std::mutex mutex_;
    std::vector<Id> ids_;
};

// Keeps ids from being given to other values, until it is gone.
class Hold {
public:
    Hold(std::vector<Id> ids, Symbols& symbols, std::shared_ptr<Released> released)
        : ids_(std::move(ids)), released_(std::move(released)) {
        for (const Id id : ids_) symbols.retain(id);
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { released_->put(ids_); }

private:
    std::vector<Id> ids_;
    std::shared_ptr<Released> released_;
};

// Rows that are turned into Python values when somebody looks at them.
class Rows {
public:
    Rows(std::uint32_t width, Symbols& symbols, std::shared_ptr<Released> released)
        : width_(width), symbols_(symbols), released_(std::move(released)) {}
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;
    ~Rows() { released_->put(cells_); }

    void push(const Id* cells) {
        cells_.insert(cells_.end(), cells, cells + width_);
        for (std::uint32_t column = 0; column < width_; ++column) symbols_.retain(cells[column]);
        ++size_;
    }
    std::size_t size() const { return size_; }
    py::tuple row(std::size_t number) const {
        return decoded(symbols_, cells_.data() + number * width_, width_);
    }
    py::list list() const {
        py::list rows(size_);
        for (std::size_t n = 0; n < size_; ++n) rows[n] = row(n);
        return rows;
    }

private:
    std::uint32_t width_;
    std::size_t size_ = 0;
    std::vector<Id> cells_;
    Symbols& symbols_;
    std::shared_ptr<Released> released_;
};

struct Compiled {
    std::unique_ptr<Plan> plan;
    std::unique_ptr<Hold> constants;
    std::unique_ptr<RuleFailures> failures;  // of the last run
};

std::vector<Id> constants_of(const Plan& plan) {
    std::vector<Id> ids;
    const auto see = [&](Operand operand) {
        if (operand.is_constant) ids.push_back(operand.value);
    };
    for (const Step& step : plan.steps) {
        for (const Operand operand : step.key) see(operand);
        for (const auto& check : step.checks) see(check.second);
        ids.insert(ids.end(), step.constants.begin(), step.constants.end());
        for (const auto& inner : step.plans) {
            const std::vector<Id> more = constants_of(*inner);
            ids.insert(ids.end(), more.begin(), more.end());
        }
    }
    for (const Operand operand : plan.head) see(operand);
    return ids;
}

class Host : private Planner {
public:
    explicit Host(py::object plan) : plan_(std::move(plan)), kernel_(*this) {
        kernel_.limits().poll = [] {
            const py::gil_scoped_acquire lock;
            if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        };
    }

    void set_failure(py::object failure) { failure_ = std::move(failure); }
    std::size_t add_builtin(const std::string& name, std::uint32_t inputs, std::uint32_t outputs,
                            py::object solve) {
        std::unique_ptr<Builtin> made = make_native(name, kernel_.symbols());
        if (made == nullptr) {
            made = std::make_unique<PythonBuiltin>(name, inputs, outputs, std::move(solve),
                                                   failure_, kernel_.symbols());
        }
        builtins_.push_back(std::move(made));
        return builtins_.size() - 1;
    }

    // values
    Id intern_value(const py::object& value) { return intern(kernel_.symbols(), value.ptr()); }
    std::optional<Id> find(const py::object& value) {
        return with_value(value.ptr(), Finding{kernel_.symbols()});
    }
    py::object value(Id id) const { return to_python(kernel_.symbols(), checked(id)); }
    py::tuple encode(const py::sequence& row) {
        py::tuple made(row.size());
        for (std::size_t column = 0; column < row.size(); ++column) {
            try {
                made[column] = intern_value(row[column]);
            } catch (const CellRefused& refused) {
                throw CellRefused(0, column, refused.what());
            }
        }
        return made;
    }
    py::object find_row(const py::sequence& row) {
        py::tuple made(row.size());
        for (std::size_t column = 0; column < row.size(); ++column) {
            try {
                const std::optional<Id> id = find(row[column]);
                if (!id) return py::none();
                made[column] = *id;
            } catch (const CellRefused&) {
                return py::none();
            }
        }
        return made;
    }
    py::tuple decode(const std::vector<Id>& row) const {
        for (const Id id : row) checked(id);
        return decoded(kernel_.symbols(), row.data(), row.size());
    }
    std::unique_ptr<Hold> hold(std::vector<Id> ids) {
        for (const Id id : ids) checked(id);
        return std::make_unique<Hold>(std::move(ids), kernel_.symbols(), released_);
    }

    // what there is
    RelationId add_relation(std::uint32_t width, const std::string& kind) {
        return kernel_.add_relation(width, kind == "base" ? Support::kNone : Support::kCount);
    }

    // one step
    void change(RelationId id, const py::iterable& added, const py::iterable& removed) {
        const std::uint32_t width = kernel_.relation(id).width();
        Buffer<Id> in;
        Buffer<Id> out;
        intern_rows(kernel_.symbols(), added, width, in);
        intern_rows(kernel_.symbols(), removed, width, out);
        kernel_.change(id, {in.data(), in.size()}, {out.data(), out.size()});
    }
    void replace(RelationId id, const py::iterable& rows) {
        Buffer<Id> in;
        intern_rows(kernel_.symbols(), rows, kernel_.relation(id).width(), in);
        kernel_.replace(id, {in.data(), in.size()});
    }
    void change_ids(RelationId id, const std::vector<std::vector<Id>>& added,
                    const std::vector<std::vector<Id>>& removed) {
        const Buffer<Id> in = flat(added, kernel_.relation(id).width());
        const Buffer<Id> out = flat(removed, kernel_.relation(id).width());
        kernel_.change(id, {in.data(), in.size()}, {out.data(), out.size()});
    }
    RuleId add_rule(RelationId head,
                    const std::vector<std::tuple<RelationId, bool, Constants>>& body,
                    const std::vector<RelationId>& asks) {
        std::vector<LiteralGiven> literals;
        for (const auto& [relation, is_negated, constants] : body) {
            literals.push_back({relation, is_negated, constants});
        }
        auto failures = std::make_unique<RuleFailures>(kernel_.symbols());
        const RuleId id = kernel_.add_rule(head, literals, asks, failures.get());
        if (failures_.size() <= id) failures_.resize(id + std::size_t{1});
        failures_[id] = std::move(failures);
        return id;
    }
    RuleId add_fold(RelationId head, std::uint32_t groups, const std::vector<RelationId>& inputs,
                    const std::vector<std::pair<std::string, std::uint32_t>>& parts) {
        std::vector<FoldPart> made;
        for (const auto& [function, number] : parts) made.push_back(fold_part(function, number));
        auto failures = std::make_unique<RuleFailures>(kernel_.symbols());
        const RuleId id = kernel_.add_fold(head, groups, inputs, std::move(made), failures.get());
        if (failures_.size() <= id) failures_.resize(id + std::size_t{1});
        failures_[id] = std::move(failures);
        return id;
    }
    std::vector<RelationId> propagate() {
        const Busy busy(*this);
        const py::gil_scoped_release unlocked;
        return kernel_.propagate();
    }
    std::pair<std::unique_ptr<Rows>, std::unique_ptr<Rows>> changes(RelationId id) {
        const Relation& relation = kernel_.relation(id);
        auto added = std::make_unique<Rows>(relation.width(), kernel_.symbols(), released_);
        auto removed = std::make_unique<Rows>(relation.width(), kernel_.symbols(), released_);
        relation.each_added([&](RowId row) { added->push(relation.row(row)); });
        relation.each_removed([&](RowId row) { removed->push(relation.row(row)); });
        return {std::move(added), std::move(removed)};
    }
    // Changes, propagation and the end of the step in one call: what a transaction of a few rows costs
    // is the calls between Python and here.
    std::vector<std::tuple<RelationId, std::unique_ptr<Rows>, std::unique_ptr<Rows>>> step(
        const py::list& given) {
        for (const py::handle each : given) {
            const auto one = py::reinterpret_borrow<py::tuple>(each);
            const auto id = py::cast<RelationId>(one[0]);
            const std::uint32_t width = kernel_.relation(id).width();
            in_.clear();
            out_.clear();
            intern_rows(kernel_.symbols(), one[1], width, in_);
            intern_rows(kernel_.symbols(), one[2], width, out_);
            kernel_.change(id, {in_.data(), in_.size()}, {out_.data(), out_.size()});
        }
        std::vector<std::tuple<RelationId, std::unique_ptr<Rows>, std::unique_ptr<Rows>>> changed;
        for (const RelationId id : propagate()) {
            auto [added, removed] = kernel_.is_derived(id)
                                        ? changes(id)
                                        : decltype(changes(id)){nullptr, nullptr};
            changed.emplace_back(id, std::move(added), std::move(removed));
        }
        kernel_.end_step();
        return changed;
    }
    void commit() {
        released_->drain(kernel_.symbols());
        kernel_.commit();
    }

    // answers
    py::list rows(RelationId id) { return all(id, [&](const Id* cells, std::size_t width) {
        return decoded(kernel_.symbols(), cells, width);
    }); }
    py::list ids(RelationId id) { return all(id, ids_of); }
    bool has(RelationId id, const std::vector<Id>& row) { return find_row(id, row) != kNoRow; }
    std::uint32_t height(RelationId id, const std::vector<Id>& row) {
        const RowId found = find_row(id, row);
        if (found == kNoRow) throw InvalidPlan("there is no such row");
        return kernel_.relation(id).support(found);
    }
    std::unique_ptr<Compiled> compile(const py::tuple& given) {
        auto made = std::make_unique<Compiled>();
        made->plan = PlanReader(kernel_, builtins_).read(given);
        made->constants = hold(constants_of(*made->plan));
        made->failures = std::make_unique<RuleFailures>(kernel_.symbols());
        return made;
    }
    py::list query(Compiled& compiled, const std::vector<Id>& given) {
        const Answers answers = ask(compiled, given);
        const std::size_t width = compiled.plan->head.size();
        py::list rows(answers.size());
        for (std::uint32_t n = 0; n < answers.size(); ++n) {
            rows[n] = decoded(kernel_.symbols(), answers.row(n), width);
        }
        return rows;
    }
    // As `query` for given values; None when one of them is in no table, or there are more or fewer.
    py::object look_up(Compiled& compiled, const py::tuple& values) {
        const std::size_t size = compiled.plan->given.size();
        if (values.size() != size || size > kMaxColumns) return py::none();
        Id given[kMaxColumns];
        for (std::size_t n = 0; n < size; ++n) {
            std::optional<Id> id;
            try {
                id = with_value(PyTuple_GET_ITEM(values.ptr(), n), Finding{kernel_.symbols()});
            } catch (const CellRefused&) {
                return py::none();
            }
            if (!id) return py::none();
            given[n] = *id;
        }
        const Busy busy(*this);
        found_.reset(static_cast<std::uint32_t>(compiled.plan->head.size()));
        run_plan(compiled, given, found_);
        py::list rows(found_.size());
        for (std::uint32_t n = 0; n < found_.size(); ++n) {
            PyList_SET_ITEM(rows.ptr(), n,
                            decoded(kernel_.symbols(), found_.row(n), compiled.plan->head.size())
                                .release()
                                .ptr());
        }
        return rows;
    }
    py::list query_ids(Compiled& compiled, const std::vector<Id>& given, std::uint32_t most) {
        const Answers answers = ask(compiled, given, most);
        py::list rows(answers.size());
        for (std::uint32_t n = 0; n < answers.size(); ++n) {
            rows[n] = ids_of(answers.row(n), compiled.plan->head.size());
        }
        return rows;
    }
    py::list failures(RuleId id) {
        kernel_.rule(id);
        return failures_[id]->to_python();
    }
    void set_limits(std::uint64_t max_rows, std::uint64_t max_bindings,
                    std::optional<double> deadline_s) {
        Limits& limits = kernel_.limits();
        limits.max_rows = max_rows;
        limits.max_bindings = max_bindings;
        limits.deadline = std::chrono::steady_clock::time_point::max();
        if (deadline_s) {
            limits.deadline = std::chrono::steady_clock::now() +
                              std::chrono::microseconds(static_cast<std::int64_t>(*deadline_s * 1e6));
        }
    }
    Kernel& kernel() { return kernel_; }

private:
    std::unique_ptr<Plan> plan(RuleId rule, PlanKind kind, std::uint32_t literal) override {
        static constexpr const char* kNames[] = {"whole", "variant", "check"};
        const py::gil_scoped_acquire lock;
        const py::object given = plan_(rule, kNames[static_cast<int>(kind)], literal);
        return PlanReader(kernel_, builtins_).read(py::cast<py::tuple>(given));
    }

    Id checked(Id id) const {
        if (!kernel_.symbols().is_known(id)) {
            throw InvalidPlan("the id " + std::to_string(id) + " stands for nothing");
        }
        return id;
    }
    static Buffer<Id> flat(const std::vector<std::vector<Id>>& rows, std::uint32_t width) {
        Buffer<Id> cells;
        for (const std::vector<Id>& row : rows) {
            if (row.size() != width) throw InvalidPlan("a row has another width");
            if (width == 0) cells.push_back(0);
            cells.append(row.data(), row.size());
        }
        return cells;
    }
    template <class Make>
    py::list all(RelationId id, Make make) {
        const Relation& relation = kernel_.relation(id);
        py::list rows;
        for (RowId row = 0; row < relation.end(); ++row) {
            if (relation.is_in(row, State::kNew)) {
                rows.append(make(relation.row(row), relation.width()));
            }
        }
        return rows;
    }
    RowId find_row(RelationId id, const std::vector<Id>& row) {
        const Relation& relation = kernel_.relation(id);
        if (row.size() != relation.width()) return kNoRow;
        const RowId found = relation.find(row.data());
        return found != kNoRow && relation.is_in(found, State::kNew) ? found : kNoRow;
    }
    // With `most` it stops soon after it has so many rows.
    Answers ask(Compiled& compiled, const std::vector<Id>& given, std::uint32_t most = ~0u) {
        if (given.size() != compiled.plan->given.size()) {
            throw InvalidPlan("the plan takes other values");
        }
        const Busy busy(*this);
        Answers answers(static_cast<std::uint32_t>(compiled.plan->head.size()), most);
        const py::gil_scoped_release unlocked;
        run_plan(compiled, given.data(), answers);
        return answers;
    }
    void run_plan(Compiled& compiled, const Id* given, Answers& answers) {
        Guard guard(kernel_.limits(), kernel_.is_cancelled(), kNoRule);
        compiled.failures->clear();
        Run run;
        run.plan = compiled.plan.get();
        run.sink = &answers;
        run.guard = &guard;
        run.reads = Reads::kNew;
        run.given = {given, compiled.plan->given.size()};
        run.is_found = answers.is_full();
        run.failures = compiled.failures.get();
        kernel_.executor().run(run);
        guard.refuse_rows(answers.size());
    }

    // Marks that the kernel is at work: a builtin must not come back into it.
    class Busy {
    public:
        explicit Busy(Host& host) : host_(host) {
            if (host.is_busy_) throw InvalidPlan("a builtin called the kernel that was calling it");
            host.is_busy_ = true;
            host.kernel_.is_cancelled() = false;
        }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;
        ~Busy() { host_.is_busy_ = false; }

    private:
        Host& host_;
    };

    py::object plan_;
    py::object failure_ = py::reinterpret_borrow<py::object>(PyExc_ValueError);
    std::shared_ptr<Released> released_ = std::make_shared<Released>();
    Kernel kernel_;
    std::vector<std::unique_ptr<Builtin>> builtins_;
    std::vector<std::unique_ptr<RuleFailures>> failures_;
    bool is_busy_ = false;
    Answers found_{0, ~0u};  // scratch of look_up
    Buffer<Id> in_;          // scratch of step
    Buffer<Id> out_;
};

// Rows as a Python object that keeps its kernel; None for none.
py::object kept_alive(std::unique_ptr<Rows> rows, const py::object& host) {
    if (rows == nullptr) return py::none();
    py::object made = py::cast(std::move(rows));
    py::detail::keep_alive_impl(made, host);
    return made;
}

}  // namespace
}  // namespace congress

PYBIND11_MODULE(_kernel, module) {
    using namespace congress;
    module.doc() = "The evaluation kernel; see _kernel.pyi.";

    static py::exception<CellRefused> cell_refused(module, "CellRefused", PyExc_ValueError);
    static py::exception<LimitExceeded> limit_exceeded(module, "LimitExceeded");
    static py::exception<InvalidPlan> invalid_plan(module, "InvalidPlan", PyExc_ValueError);
    static py::exception<Cancelled> cancelled(module, "Cancelled");
    py::register_exception_translator([](std::exception_ptr given) {
        try {
            if (given) std::rethrow_exception(given);
        } catch (const CellRefused& refused) {
            const py::tuple arguments = py::make_tuple(refused.what(), refused.row, refused.column);
            PyErr_SetObject(cell_refused.ptr(), arguments.ptr());
        } catch (const LimitExceeded& error) {
            const py::object rule =
                error.rule == kNoRule ? py::object(py::none()) : py::object(py::int_(error.rule));
            PyErr_SetObject(limit_exceeded.ptr(), py::make_tuple(error.what(), rule).ptr());
        } catch (const InvalidPlan& error) {
            PyErr_SetString(invalid_plan.ptr(), error.what());
        } catch (const Cancelled& error) {
            PyErr_SetString(cancelled.ptr(), error.what());
        }
    });

    py::class_<Hold>(module, "Hold");
    py::class_<Rows>(module, "Rows")
        .def("__len__", &Rows::size)
        .def("__getitem__",
             [](const Rows& rows, py::ssize_t number) {
                 const auto size = static_cast<py::ssize_t>(rows.size());
                 if (number < 0) number += size;
                 if (number < 0 || number >= size) throw py::index_error("there is no such row");
                 return rows.row(static_cast<std::size_t>(number));
             })
        .def("__getitem__",
             [](const Rows& rows, const py::slice& slice) {
                 return py::object(rows.list()[slice]);
             })
        .def("__iter__", [](const Rows& rows) { return py::iter(rows.list()); })
        .def("__eq__",
             [](const Rows& rows, const py::object& other) {
                 const py::object own = rows.list();
                 if (!py::isinstance<Rows>(other)) return own.equal(other);
                 return own.equal(other.cast<const Rows&>().list());
             })
        .def("__repr__", [](const Rows& rows) { return py::repr(rows.list()); });
    py::class_<Compiled>(module, "Plan").def("failures", [](const Compiled& compiled) {
        return compiled.failures->to_python();
    });
    py::class_<Host>(module, "Kernel")
        .def(py::init<py::object>(), py::arg("plan"))
        .def("set_failure", &Host::set_failure)
        .def("add_builtin", &Host::add_builtin)
        .def("intern", &Host::intern_value)
        .def("find", &Host::find)
        .def("value", &Host::value)
        .def("encode", &Host::encode)
        .def("find_row", py::overload_cast<const py::sequence&>(&Host::find_row))
        .def("decode", &Host::decode)
        .def("hold", &Host::hold)
        .def("add_relation", &Host::add_relation)
        .def("drop_relation", [](Host& host, RelationId id) { host.kernel().drop_relation(id); })
        .def("add_component", [](Host& host, const std::vector<RelationId>& relations,
                                 bool is_recursive, std::uint64_t order) {
            return host.kernel().add_component(relations, is_recursive, order);
        })
        .def("set_order", [](Host& host, ComponentId id, std::uint64_t order) {
            host.kernel().set_order(id, order);
        })
        .def("change", &Host::change)
        .def("replace", &Host::replace)
        .def("change_ids", &Host::change_ids)
        .def("add_rule", &Host::add_rule)
        .def("lift_limit", [](Host& host, RuleId id) { host.kernel().rule(id).is_limited = false; })
        .def("add_fold", &Host::add_fold)
        .def("remove_rule", [](Host& host, RuleId id) { host.kernel().remove_rule(id); })
        .def("rebuild", [](Host& host, ComponentId id) { host.kernel().rebuild(id); })
        .def("replan", [](Host& host, RuleId id) { host.kernel().replan(id); })
        .def("propagate", &Host::propagate)
        .def("changes",
             [](py::object self, RelationId id) {
                 auto [added, removed] = self.cast<Host&>().changes(id);
                 return py::make_tuple(kept_alive(std::move(added), self),
                                       kept_alive(std::move(removed), self));
             })
        .def("step",
             [](const py::object& self, const py::list& given) {
                 py::list made;
                 for (auto& [id, added, removed] : self.cast<Host&>().step(given)) {
                     made.append(py::make_tuple(id, kept_alive(std::move(added), self),
                                                kept_alive(std::move(removed), self)));
                 }
                 return made;
             })
        .def("end_step", [](Host& host) { host.kernel().end_step(); })
        .def("mark", [](Host& host) { return host.kernel().mark(); })
        .def("rollback", [](Host& host, std::size_t mark) { host.kernel().rollback(mark); })
        .def("commit", &Host::commit)
        .def("size", [](Host& host, RelationId id) { return host.kernel().relation(id).size(); })
        .def("distinct", [](Host& host, RelationId id, const std::vector<std::uint32_t>& columns) {
            return host.kernel().relation(id).distinct(columns);
        })
        .def("rows", &Host::rows)
        .def("ids", &Host::ids)
        .def("has", &Host::has)
        .def("height", &Host::height)
        .def("compile", &Host::compile, py::keep_alive<0, 1>())
        .def("query", &Host::query)
        .def("look_up", &Host::look_up)
        .def("query_ids", &Host::query_ids)
        .def("failures", &Host::failures)
        .def("set_limits", &Host::set_limits)
        .def("cancel", [](Host& host) { host.kernel().is_cancelled() = true; })
        .def("symbol_count", [](Host& host) { return host.kernel().symbols().size(); })
        .def("indexes", [](Host& host, RelationId id) {
            return host.kernel().relation(id).index_columns();
        })
        .def("bytes", [](Host& host) { return host.kernel().bytes(); });
}
