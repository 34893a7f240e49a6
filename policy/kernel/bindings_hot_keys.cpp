#include "bindings_hot_keys.h"

namespace congress {
namespace {

bool is_plain(PyObject* value) {
    return PyUnicode_CheckExact(value) || PyLong_CheckExact(value) || value == Py_None ||
           PyBool_Check(value);
}

// Of plain values.
bool is_same_value(PyObject* left, PyObject* right) {
    if (left == right) return true;
    if (Py_TYPE(left) != Py_TYPE(right)) return false;
    if (PyUnicode_CheckExact(left)) return PyUnicode_Compare(left, right) == 0;
    return PyLong_CheckExact(left) && PyObject_RichCompareBool(left, right, Py_EQ) == 1;
}

}  // namespace

HotKeys::Question HotKeys::question(PyObject* const* values, std::size_t size) {
    std::uint64_t hash = size + 1;
    for (std::size_t n = 0; n < size; ++n) {
        if (!is_plain(values[n])) return {values, size, 0};
        hash = (hash ^ static_cast<std::uint64_t>(PyObject_Hash(values[n]))) * 0x9E37'79B9'7F4A'7C15;
        hash ^= hash >> 29;
    }
    return {values, size, hash | 1};
}

py::object HotKeys::find(const Question& question, std::uint64_t version) const {
    if (places_ == nullptr || question.hash == 0) return {};
    for (const std::size_t second : {0u, 1u}) {
        const Place& place = places_[first_place(question) ^ second];
        if (place.hash == question.hash && place.version == version && is_same(place, question)) {
            return place.rows;
        }
    }
    return {};
}

// A question has two places to be at; one whose answer is still good stays if the other is not.
HotKeys::Place& HotKeys::place_for(const Question& question, std::uint64_t version) {
    Place& one = places_[first_place(question)];
    Place& other = places_[first_place(question) ^ 1];
    if (one.hash == question.hash) return one;
    if (other.hash == question.hash) return other;
    return one.values && one.version == version ? other : one;
}

void HotKeys::note(const Question& question, std::uint64_t version, const py::list& rows) {
    if (question.hash == 0 || rows.size() > kMostRows) return;
    if (places_ == nullptr) places_ = std::make_unique<Place[]>(kPlaces);
    Place& place = place_for(question, version);
    if (place.hash != question.hash) {
        place = Place{};
        place.hash = question.hash;
        return;
    }
    keep(question, version, rows);
}

// Ordering: objects are made first, for Python may come back here meanwhile, and move all places.
void HotKeys::keep(const Question& question, std::uint64_t version, const py::list& rows) {
    py::object values;
    if (question.size == 1) {
        values = py::reinterpret_borrow<py::object>(question.values[0]);
    } else {
        py::tuple several(question.size);
        for (std::size_t n = 0; n < question.size; ++n) {
            several[n] = py::reinterpret_borrow<py::object>(question.values[n]);
        }
        values = std::move(several);
    }
    py::object kept = py::tuple(rows);
    if (places_ == nullptr) return;
    Place& place = place_for(question, version);
    place = {question.hash, version, std::move(values), std::move(kept)};
}

bool HotKeys::is_same(const Place& place, const Question& question) {
    if (!place.values) return false;
    if (question.size == 1) return is_same_value(place.values.ptr(), question.values[0]);
    for (std::size_t n = 0; n < question.size; ++n) {
        PyObject* const kept = PyTuple_GET_ITEM(place.values.ptr(), static_cast<Py_ssize_t>(n));
        if (!is_same_value(kept, question.values[n])) return false;
    }
    return true;
}

}  // namespace congress
