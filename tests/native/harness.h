// A registry of tests and what they need to state their claims.
#pragma once

#include <cstdint>
#include <random>
#include <source_location>
#include <string>

namespace congress::tests {

using Random = std::mt19937_64;

// Registers a test: `body` throws when the claim does not hold.
struct Test {
    Test(const char* name, void (*body)());
};

// Registers a claim about random operations, which is tried with one seed after another.
// `per_sample` is how many seeds stand for one unit of `--runs`.
struct Model {
    Model(const char* name, unsigned per_sample, void (*body)(Random& random));
};

// Throws, naming the place and the text, unless the condition holds.
void require(bool condition, const std::string& text,
             std::source_location where = std::source_location::current());

template <class Left, class Right>
void require_equal(const Left& left, const Right& right, const std::string& text,
                   std::source_location where = std::source_location::current()) {
    require(left == right, text, where);
}

template <class Error, class Act>
void require_raises(Act act, const std::string& text,
                    std::source_location where = std::source_location::current()) {
    bool is_raised = false;
    try {
        act();
    } catch (const Error&) {
        is_raised = true;
    }
    require(is_raised, text, where);
}

// A number in [0, end).
inline unsigned below(Random& random, std::size_t end) {
    return static_cast<unsigned>(random() % end);
}
inline bool happens(Random& random, unsigned percent) { return below(random, 100) < percent; }

}  // namespace congress::tests
