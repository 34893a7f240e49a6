// Runs all tests, or those whose names contain a word:
//   kernel_tests [word] [--seed S] [--runs N] [--stop]
// Models are tried with N times their number of seeds, from S on; a failure names its seed. With
// --stop the first one ends the run.
#include "harness.h"

#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace congress::tests {

namespace {

struct Case {
    std::string name;
    void (*body)();
    void (*model)(Random& random);
    unsigned per_sample;
};

std::vector<Case>& cases() {
    static std::vector<Case> all;
    return all;
}

struct Options {
    std::string word;
    std::uint64_t seed = 1;
    std::uint64_t runs = 1;
    bool stops = false;
};

Options read_options(int count, char** arguments) {
    Options options;
    for (int n = 1; n < count; ++n) {
        const std::string_view argument = arguments[n];
        if (argument == "--seed" && n + 1 < count) {
            options.seed = std::stoull(arguments[++n]);
        } else if (argument == "--runs" && n + 1 < count) {
            options.runs = std::stoull(arguments[++n]);
        } else if (argument == "--stop") {
            options.stops = true;
        } else {
            options.word = argument;
        }
    }
    return options;
}

// Gives whether it held.
bool run_model(const Case& model, std::uint64_t seed) {
    try {
        Random random(seed);
        model.model(random);
        return true;
    } catch (const std::exception& error) {
        std::printf("FAILED %s --seed %llu --runs 0: %s\n", model.name.c_str(),
                    static_cast<unsigned long long>(seed), error.what());
        return false;
    }
}

bool run_case(const Case& each, const Options& options) {
    if (each.model != nullptr) {
        // No run at all still means one seed: how a failure is repeated.
        const std::uint64_t seeds = options.runs == 0 ? 1 : each.per_sample * options.runs;
        for (std::uint64_t n = 0; n < seeds; ++n) {
            if (!run_model(each, options.seed + n)) return false;
        }
        return true;
    }
    try {
        each.body();
        return true;
    } catch (const std::exception& error) {
        std::printf("FAILED %s: %s\n", each.name.c_str(), error.what());
        return false;
    }
}

int run_all(const Options& options) {
    unsigned done = 0;
    unsigned failed = 0;
    const auto start = std::chrono::steady_clock::now();
    for (const Case& each : cases()) {
        if (each.name.find(options.word) == std::string::npos) continue;
        ++done;
        if (!run_case(each, options)) ++failed;
        std::fflush(stdout);
        if (failed != 0 && options.stops) break;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("%u tests, %u failed, seeds from %llu, %.1f s\n", done, failed,
                static_cast<unsigned long long>(options.seed), took.count());
    return failed == 0 && done != 0 ? 0 : 1;
}

}  // namespace

Test::Test(const char* name, void (*body)()) { cases().push_back({name, body, nullptr, 0}); }

Model::Model(const char* name, unsigned per_sample, void (*body)(Random& random)) {
    cases().push_back({name, nullptr, body, per_sample});
}

void require(bool condition, const std::string& text, std::source_location where) {
    if (condition) return;
    const std::string_view file = where.file_name();
    throw std::runtime_error(text + " (" + std::string(file.substr(file.rfind('/') + 1)) + ":" +
                             std::to_string(where.line()) + ")");
}

}  // namespace congress::tests

int main(int count, char** arguments) {
    using namespace congress::tests;
    return run_all(read_options(count, arguments));
}
