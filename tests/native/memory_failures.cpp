// Whatever request for memory fails: a rollback brings back exactly the state before.
#include <new>

#include "failing_allocator.h"
#include "random_program.h"

namespace congress::tests {
namespace {

constexpr std::uint64_t kFillSteps = 6;

// An engine in a state that the seed determines, within a transaction of which one step is done.
struct Prepared {
    Engine engine;
    RandomProgram program;
    Kernel::Mark mark = 0;

    explicit Prepared(std::uint64_t seed) {
        Random random(seed);
        program = make_program(random, engine);
        engine.finish();
        for (std::uint64_t n = 0; n < kFillSteps; ++n) change(random);
        engine.kernel.commit();
        change(random);
        program.derive();
        mark = engine.kernel.mark();
    }

    void change(Random& random) {
        change_at_random(random, program, engine);
        engine.step();
    }
};

// Does two steps with the n-th request failing. Gives whether there were that many requests.
bool fails_at(std::uint64_t number, std::uint64_t seed) {
    Prepared prepared(seed);
    Engine& engine = prepared.engine;
    const RandomProgram program = prepared.program;
    const Contents before = engine.contents();
    bool has_failed = false;
    try {
        const FailingAllocator failing(number);
        Random random(seed + 1);
        for (int n = 0; n < 2; ++n) prepared.change(random);
    } catch (const std::bad_alloc&) {
        has_failed = true;
    }
    {
        const NoAllocation none;
        engine.kernel.rollback(prepared.mark);
    }
    prepared.program = program;
    require(engine.contents() == before, "request " + std::to_string(number) + " left a trace");
    // What is left must also work as before: marks and logs are not seen in the contents.
    Random random(seed + 2);
    for (int n = 0; n < 2; ++n) {
        const Tables tables = prepared.program.tables;
        change_at_random(random, prepared.program, engine);
        prepared.program.derive();
        engine.kernel.propagate();
        require_agreement(prepared.program, tables, engine);
        engine.kernel.end_step();
    }
    {
        const NoAllocation none;
        engine.kernel.commit();
    }
    for (const std::string& name : engine.names()) require_indexes_agree(engine.relation(name));
    return has_failed;
}

const Model failing("a request for memory that fails leaves no trace", 2, [](Random& random) {
    const std::uint64_t seed = random();
    std::uint64_t number = 1;
    while (fails_at(number, seed)) ++number;
});

}  // namespace
}  // namespace congress::tests
