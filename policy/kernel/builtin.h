// A function of the language as the kernel calls it.
#pragma once

#include <cstdint>
#include <string>

#include "buffer.h"
#include "value.h"

namespace congress {

// Promises: the same inputs give the same solutions. Called by one thread at a time.
class Builtin {
public:
    Builtin(std::string name, std::uint32_t inputs, std::uint32_t outputs)
        : name(std::move(name)), inputs(inputs), outputs(outputs) {}
    virtual ~Builtin() = default;

    // Appends each solution's outputs to `solutions` and gives how many there are. A call that
    // fails has none, and `failure` tells why; it is a text that lives as long as the builtin.
    virtual std::uint32_t solve(const Id* cells, Buffer<Id>& solutions, const char*& failure) = 0;

    const std::string name;
    const std::uint32_t inputs;
    const std::uint32_t outputs;
};

// Takes calls that failed: which builtin, why, with which inputs.
class FailureLog {
public:
    virtual ~FailureLog() = default;
    virtual void note(const Builtin& builtin, const char* reason, const Id* inputs) = 0;
};

}  // namespace congress
