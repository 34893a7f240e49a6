// When the interpreter lock is given up.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <optional>

namespace congress {

// As long as it lives other threads may run Python, if there is much to do that needs none of its
// objects: a few rows are done sooner than the lock is had back.
class Unlocked {
public:
    explicit Unlocked(std::size_t rows) {
        if (rows > kFew) released_.emplace();
    }
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;

private:
    static constexpr std::size_t kFew = 4096;  // some 0.1 ms

    std::optional<pybind11::gil_scoped_release> released_;
};

}  // namespace congress
