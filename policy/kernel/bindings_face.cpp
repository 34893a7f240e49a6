// What Python calls, by name; see _kernel.pyi.

#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bindings.h"
#include "bindings_host.h"
#include "bindings_results.h"

namespace congress {

void bind_kernel(py::module_& module) {
    py::class_<Compiled>(module, "Plan", refused_instances())
        .def("failures",
             [](const Compiled& compiled) { return compiled.failures->to_python(); });
    py::class_<Host>(module, "Kernel", refused_instances())
        .def(py::init<py::object, py::object>(), py::arg("plan"),
             py::arg("closure") = py::none())
        .def("set_failure", &Host::set_failure)
        .def("add_builtin", giving(&Host::add_builtin))
        .def("intern", giving(&Host::intern_value))
        .def("find", giving(&Host::find))
        .def("value", &Host::value)
        .def("encode", &Host::encode)
        .def("find_row", py::overload_cast<const py::sequence&>(&Host::find_row))
        .def("decode", &Host::decode)
        .def("hold", &Host::hold)
        .def("add_relation", giving(&Host::add_relation), py::arg("width"), py::arg("kind"),
             py::arg("name") = py::none())
        .def("expect_size", &Host::expect_size)
        .def("drop_relation", [](Host& host, RelationId id) { host.kernel().drop_relation(id); })
        .def("add_component", [](Host& host, const std::vector<RelationId>& relations,
                                 bool is_recursive, std::uint64_t order) {
            return result(host.kernel().add_component(relations, is_recursive, order));
        })
        .def("set_order", [](Host& host, ComponentId id, std::uint64_t order) {
            host.kernel().set_order(id, order);
        })
        .def("change", &Host::change)
        .def("replace", &Host::replace)
        .def("change_ids", &Host::change_ids)
        .def("add_rule", giving(&Host::add_rule))
        .def("lift_limit",
             [](Host& host, RuleId id) { host.kernel().rule(id).is_limited = false; })
        .def("add_fold", giving(&Host::add_fold))
        .def("add_crossings", giving(&Host::add_crossings))
        .def("remove_rule", [](Host& host, RuleId id) { host.kernel().remove_rule(id); })
        .def("rebuild", [](Host& host, ComponentId id) { host.kernel().rebuild(id); })
        .def("replan", [](Host& host, RuleId id) { host.kernel().replan(id); })
        .def("propagate", giving(&Host::propagate))
        .def("changes",
             [](py::object self, RelationId id) {
                 Host& host = self.cast<Host&>();
                 auto [added, removed] = host.changes(id);
                 return py::make_tuple(host.told_rows(std::move(added), self),
                                       host.told_rows(std::move(removed), self));
             })
        .def("step",
             [](const py::object& self, const py::list& given) {
                 Host& host = self.cast<Host&>();
                 Stepped stepped = host.step(given);
                 return py::make_tuple(host.told(std::move(stepped.changes), self),
                                       stepped.outgrown);
             })
        .def("end_step", [](Host& host) { host.kernel().end_step(); })
        .def("mark", [](Host& host) { return result(host.kernel().mark()); })
        .def("rollback", &Host::rollback)
        .def("commit", &Host::commit)
        .def("size",
             [](Host& host, RelationId id) { return result(host.kernel().relation(id).size()); })
        .def("distinct", [](Host& host, RelationId id, const std::vector<std::uint32_t>& columns) {
            return result(host.kernel().relation(id).distinct(columns));
        })
        .def("rows", &Host::rows)
        .def("page", &Host::page)
        .def("ids", &Host::ids)
        .def("has", &Host::has)
        .def("height", giving(&Host::height))
        .def("compile", &Host::compile, py::keep_alive<0, 1>())
        .def("query", &Host::query)
        .def("query_ids", &Host::query_ids)
        .def("failures", &Host::failures)
        .def("set_limits", &Host::set_limits)
        .def("enter", &Host::enter)
        .def("leave", [](Host& host) { host.entrance().leave(); })
        .def("look", [](Host& host) { host.entrance().look(); })
        .def("cancel", [](Host& host) { host.entrance().cancel(); })
        .def("running",
             [](Host& host) {
                 const RuleId rule = host.kernel().watch().running();
                 return result(rule == kNoRule ? std::nullopt : std::optional(rule));
             })
        .def("outdate", &Host::outdate)
        .def("symbol_count", [](Host& host) { return result(host.kernel().symbols().size()); })
        .def("indexes", giving(&Host::indexes))
        .def("bytes", [](Host& host) { return result(host.kernel().bytes()); });
}

}  // namespace congress
