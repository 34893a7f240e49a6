#include "random_program.h"

namespace congress::tests {
namespace {

// Where a transaction can be taken back to.
struct Point {
    Kernel::Mark mark;
    RandomProgram program;
    Contents contents;
};

void run_transaction(Random& random, RandomProgram& program, Engine& engine) {
    std::vector<Point> points;
    points.push_back({engine.kernel.mark(), program, engine.contents()});
    for (unsigned steps = 1 + below(random, 3); steps != 0; --steps) {
        const Tables before = program.tables;
        change_at_random(random, program, engine);
        program.derive();
        engine.kernel.propagate();
        require_agreement(program, before, engine);
        if (happens(random, 80)) {
            engine.kernel.end_step();
            points.push_back({engine.kernel.mark(), program, engine.contents()});
            if (happens(random, 80)) continue;
        }
        const std::size_t place = below(random, points.size());
        points.resize(place + 1, points[place]);
        engine.kernel.rollback(points[place].mark);
        program = points[place].program;
        require(engine.contents() == points[place].contents,
                "a rollback brought back another state");
    }
    if (happens(random, 70)) {
        engine.kernel.commit();
    } else {
        engine.kernel.rollback(points[0].mark);
        program = points[0].program;
        require(engine.contents() == points[0].contents, "a rollback brought back another state");
    }
    for (const std::string& name : engine.names()) require_indexes_agree(engine.relation(name));
}

const Model agree("random programs agree with the naive evaluator", 300, [](Random& random) {
    Engine engine;
    RandomProgram program = make_program(random, engine);
    engine.finish();
    for (unsigned n = 0; n < 12; ++n) run_transaction(random, program, engine);
});

}  // namespace
}  // namespace congress::tests
