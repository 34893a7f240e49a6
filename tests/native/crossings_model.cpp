// Indexes by crossing time against a look at every text, over random transactions: steps kept, taken
// back and committed, with requests for memory that fail on the way.
#include "crossings.h"

#include <memory>
#include <new>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine.h"
#include "failing_allocator.h"
#include "harness.h"
#include "hash.h"

namespace congress::tests {
namespace {

constexpr int kTexts = 40;
constexpr int kTimes = 60;

// The moment of an odd number is a third of it; every seventh number is none, some of them failing.
class Moment : public Builtin {
public:
    explicit Moment(Symbols& symbols) : Builtin("moment", 1, 1), symbols_(symbols) {}

    std::uint32_t solve(const Id* cells, Buffer<Id>& solutions, const char*& failure) override {
        const std::int64_t number = symbols_.value(*cells).integer;
        if (number % 14 == 0) failure = "it is no time";
        if (number % 7 == 0) return 0;
        solutions.push_back(symbols_.intern_integer(moment(number)));
        return 1;
    }
    static std::int64_t moment(std::int64_t number) { return number % 2 == 0 ? number : number / 3; }

private:
    Symbols& symbols_;
};

struct Index {
    std::string head;
    AgeCondition condition;
    RuleId rule = 0;
};

class World : public Engine {
public:
    explicit World(Random& random) : random_(random), moment_(kernel.symbols()) {
        add_base("texts", 1);
        add_base("clock", 1);
        add("at least", {false, {10}});
        add("below", {true, {-3}});
        add("between", {false, {-5, 12}});
        add("beside", {true, {0, 1, 4, 20}});
        add("any", {true, {}});
        add("none", {false, {}});
        finish();
    }

    void transact() {
        for (unsigned steps = below(random_, 5); steps != 0; --steps) {
            step_at_random();
            while (!marks_.empty() && below(random_, 4) == 0) take_back();
        }
        if (below(random_, 5) == 0) {
            while (!marks_.empty()) take_back();
        }
        {
            const NoAllocation none;
            kernel.commit();
        }
        marks_.clear();
    }

private:
    struct Given {
        std::set<int> texts;
        std::set<int> clock;
    };

    void add(const std::string& head, AgeCondition condition) {
        add_derived(head, 1);
        add_component({head}, false, 1);
        Index index{head, std::move(condition), 0};
        index.rule = add_rule_of(index);
        indexes_.push_back(std::move(index));
    }

    RuleId add_rule_of(const Index& index) {
        return kernel.add_crossings(id(index.head), id("texts"), id("clock"), moment_,
                                    index.condition, nullptr);
    }

    Given changed() {
        Given after = given_;
        for (unsigned n = below(random_, 8); n != 0; --n) {
            const int text = static_cast<int>(below(random_, kTexts));
            if (after.texts.erase(text) == 0) after.texts.insert(text);
        }
        if (happens(random_, 70)) {
            after.clock.clear();
            const unsigned many = happens(random_, 80) ? 1 : below(random_, 4);
            for (unsigned n = 0; n < many; ++n) {
                after.clock.insert(static_cast<int>(below(random_, kTimes)));
            }
        }
        return after;
    }

    void give(const std::string& table, const std::set<int>& before, const std::set<int>& after) {
        std::vector<Row> added;
        std::vector<Row> removed;
        for (const int value : after) {
            if (!before.contains(value)) added.push_back({value});
        }
        for (const int value : before) {
            if (!after.contains(value)) removed.push_back({value});
        }
        change(table, added, removed);
    }

    void step_at_random() {
        const Kernel::Mark mark = kernel.mark();
        const Contents before = contents();
        const std::vector<Index> indexes = indexes_;
        const Given after = changed();
        try {
            const FailingAllocator failing(happens(random_, 30) ? 1 + below(random_, 60) : 0);
            give("texts", given_.texts, after.texts);
            give("clock", given_.clock, after.clock);
            if (happens(random_, 20)) replace_one();
            step();
        } catch (const std::bad_alloc&) {
            roll_back(mark);
            indexes_ = indexes;
            require(contents() == before, "a step that failed left a trace");
            return;
        }
        marks_.push_back({mark, std::exchange(given_, after), indexes});
        check();
    }

    // As when a rule is switched off and on.
    void replace_one() {
        Index& index = indexes_[below(random_, indexes_.size())];
        kernel.remove_rule(index.rule);
        index.rule = add_rule_of(index);
    }

    void take_back() {
        roll_back(marks_.back().mark);
        given_ = marks_.back().given;
        indexes_ = marks_.back().indexes;
        marks_.pop_back();
        check();
    }

    void roll_back(Kernel::Mark mark) {
        const NoAllocation none;
        kernel.rollback(mark);
    }

    void check() {
        for (const Index& index : indexes_) {
            Rows expected;
            for (const int text : given_.texts) {
                if (text % 7 != 0 && passes(text, index.condition)) expected.insert({text});
            }
            require_equal(rows(index.head), expected, "the times " + index.head);
        }
    }

    bool passes(int text, const AgeCondition& condition) const {
        for (const int now : given_.clock) {
            if (now % 7 == 0) continue;
            bool holds = condition.at_first;
            for (const std::int64_t turn : condition.turns) {
                if (Moment::moment(now) - Moment::moment(text) >= turn) holds = !holds;
            }
            if (holds) return true;
        }
        return false;
    }

    struct Marked {
        Kernel::Mark mark;
        Given given;
        std::vector<Index> indexes;
    };

    Random& random_;
    Moment moment_;
    std::vector<Index> indexes_;
    Given given_;
    std::vector<Marked> marks_;
};

const Model agrees("an index by crossing time has the times that pass", 20, [](Random& random) {
    World world(random);
    for (int n = 0; n < 20; ++n) world.transact();
});

// A number is its own moment.
class Itself : public Builtin {
public:
    Itself() : Builtin("itself", 1, 1) {}
    std::uint32_t solve(const Id* cells, Buffer<Id>& solutions, const char*&) override {
        solutions.push_back(*cells);
        return 1;
    }
};

const Test widest("an index by crossing time has the first and the last moment there can be", [] {
    Engine engine;
    Itself moment;
    engine.add_base("texts", 1);
    engine.add_base("clock", 1);
    engine.add_derived("any", 1);
    engine.add_component({"any"}, false, 1);
    Symbols& symbols = engine.kernel.symbols();
    for (const std::int64_t number : {-AgeCondition::kMost, AgeCondition::kMost}) {
        const Id cell = symbols.intern_integer(number);
        engine.kernel.change(engine.id("texts"), {&cell, 1}, {});
    }
    engine.change("clock", {{0}}, {});
    engine.finish();
    engine.kernel.add_crossings(engine.id("any"), engine.id("texts"), engine.id("clock"), moment,
                                {true, {}}, nullptr);
    engine.finish();
    require_equal(engine.relation("any").size(), std::size_t{2}, "any age will do");
});

const Test anew("an index whose loading was taken back knows nothing, and loads again", [] {
    Symbols symbols;
    std::vector<Relation*> dirty;
    dirty.reserve(8);
    Relation texts(1, Support::kNone, symbols, dirty);
    Relation clock(1, Support::kNone, symbols, dirty);
    Relation head(1, Support::kCount, symbols, dirty);
    Itself moment;
    Crossings index(head, texts, clock, moment, {true, {}}, symbols, nullptr);
    Watch watch;
    Guard guard({}, watch, 0);
    const auto show = [](Relation& relation, Id cell) {
        relation.show(&cell, hash_cells(&cell, 1), 0);
        relation.commit_step();
    };
    show(clock, inline_id(0));
    for (int number = 1; number < 4; ++number) {
        show(texts, inline_id(number));
        if (number == 3) {
            const Id gone = inline_id(1);
            texts.hide(texts.find(&gone));
            texts.commit_step();
        }
        dirty.clear();
        index.refresh(guard);
        require_equal(head.size(), texts.size(), "any age will do");
        if (number != 2) {
            index.undo_step();
        } else {
            index.keep_step();
            index.undo_last();
        }
        head.undo_step();
        dirty.clear();
    }
});

const Test misfits("an index by crossing time refuses what does not fit", [] {
    Engine engine;
    Moment moment(engine.kernel.symbols());
    engine.add_base("texts", 1);
    engine.add_base("wide", 2);
    engine.add_derived("head", 1);
    engine.add_component({"head"}, false, 1);
    const auto add = [&](const char* texts, AgeCondition condition) {
        engine.kernel.add_crossings(engine.id("head"), engine.id(texts), engine.id("texts"), moment,
                                    std::move(condition), nullptr);
    };
    require_raises<InvalidPlan>([&] { add("wide", {}); }, "two columns");
    require_raises<InvalidPlan>([&] { add("texts", {true, {3, 3}}); }, "the same turn twice");
    require_raises<InvalidPlan>([&] { add("texts", {true, {4, 3}}); }, "turns that descend");
    require_raises<InvalidPlan>([&] { add("texts", {true, {AgeCondition::kMost + 1}}); }, "width");
});

}  // namespace
}  // namespace congress::tests
