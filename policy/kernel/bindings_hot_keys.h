// What was answered last for the values that are asked for again and again.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

namespace congress {

namespace py = pybind11;

// Some thousand answers, found by the Python values of the question; used with the interpreter lock.
// An answer is kept when its question comes for the second time, so that one that goes through all
// keys neither fills the memory nor pays for it.
class HotKeys {
public:
    // Values that are asked for together.
    struct Question {
        PyObject* const* values;
        std::size_t size;
        std::uint64_t hash;
    };

    // Only of values that can be told apart without calling Python; hash 0 stands for others.
    static Question question(PyObject* const* values, std::size_t size);

    // The rows for a question, when they were noted at this version of the tables, else null. A
    // reference of its own: when Python makes an object, it may come back to what changes them.
    py::object find(const Question& question, std::uint64_t version) const;
    // Takes that the rows were found.
    void note(const Question& question, std::uint64_t version, const py::list& rows);
    void clear() { places_.reset(); }

private:
    struct Place {
        std::uint64_t hash = 0;
        std::uint64_t version = 0;
        py::object values;  // one, or a tuple of several; null until the question comes again
        py::object rows;    // a tuple of tuples
    };

    static constexpr std::size_t kPlaces = 4096;
    static constexpr std::size_t kMostRows = 8;  // in an answer that is kept

    static bool is_same(const Place& place, const Question& question);
    static std::size_t first_place(const Question& question) {
        return (question.hash >> 32) % kPlaces;
    }
    Place& place_for(const Question& question, std::uint64_t version);
    void keep(const Question& question, std::uint64_t version, const py::list& rows);

    std::unique_ptr<Place[]> places_;
};

}  // namespace congress
