"""Every path of the API with its methods, on one screen.

A path without a method answers 501 to all: it is Congress's and does nothing there either, or its
work is not in this version. `since` hides a path below a microversion.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from .exchange import Answer
from .handlers import (
    datasources,
    drivers,
    explain,
    health,
    leases,
    metrics,
    nodes,
    policies,
    rows,
    rules,
    status,
    tables,
    versions,
    violations,
)
from .microversion import MIN_VERSION, Microversion

Handler = Callable[..., Awaitable[Answer]]
"""Takes the Request, then the path's fields by name."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path: its handlers by method, and the version it came with."""

    path: str
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    since: Microversion = MIN_VERSION


V1_1 = Microversion(1, 1)
POLICY = "/v1/policies/{policy}"
SOURCE = "/v1/data-sources/{datasource}"

ROUTES: tuple[Route, ...] = (
    Route("/", {"GET": versions.list_versions}),
    Route("/v1", {"GET": versions.show_version}),
    Route("/healthz", {"GET": health.show_health}),
    Route("/metrics", {"GET": metrics.show_metrics}),
    Route("/metrics/targets", {"GET": metrics.list_targets}),
    Route("/v1/status", {"GET": status.show_status}, V1_1),
    Route("/v1/nodes", {"GET": nodes.list_nodes}, V1_1),
    Route("/v1/leases", {"GET": leases.list_leases}, V1_1),
    Route("/v1/leases/{lease}/release", {"POST": leases.release_lease}, V1_1),
    Route("/v1/violations", {"GET": violations.list_violations}, V1_1),
    Route("/v1/policies", {"GET": policies.list_policies, "POST": policies.create_policy}),
    Route(
        POLICY,
        {
            "GET": policies.show_policy,
            "POST": policies.act_on_policy,
            "DELETE": policies.delete_policy,
        },
    ),
    Route(f"{POLICY}/status", {"GET": policies.show_policy_status}),
    Route(f"{POLICY}/rules", {"GET": rules.list_rules, "POST": rules.create_rule}),
    Route(f"{POLICY}/rules/{{rule}}", {"GET": rules.show_rule, "DELETE": rules.delete_rule}),
    Route(f"{POLICY}/rules/{{rule}}/status", {"GET": rules.show_rule_status}),
    Route(f"{POLICY}/tables", {"GET": tables.list_policy_tables}),
    Route(f"{POLICY}/tables/{{table}}", {"GET": tables.show_policy_table}),
    Route(
        f"{POLICY}/tables/{{table}}/rows",
        {"GET": rows.list_policy_rows, "PUT": rows.replace_policy_rows},
    ),
    Route(f"{POLICY}/tables/{{table}}/rows/{{row}}"),
    Route(f"{POLICY}/tables/{{table}}/explain", {"GET": explain.explain_row}, V1_1),
    Route("/v1/data-sources", {"GET": datasources.list_datasources}),
    Route(SOURCE, {"GET": datasources.show_datasource}),
    Route(f"{SOURCE}/schema", {"GET": datasources.show_schema}),
    Route(f"{SOURCE}/status", {"GET": datasources.show_status}),
    Route(f"{SOURCE}/actions"),
    Route(f"{SOURCE}/webhook"),
    Route(f"{SOURCE}/tables", {"GET": tables.list_datasource_tables}),
    Route(f"{SOURCE}/tables/{{table}}", {"GET": tables.show_datasource_table}),
    Route(f"{SOURCE}/tables/{{table}}/spec", {"GET": datasources.show_table_spec}),
    Route(f"{SOURCE}/tables/{{table}}/rows", {"GET": rows.list_datasource_rows}),
    Route(f"{SOURCE}/tables/{{table}}/rows/{{row}}"),
    Route("/v1/system/drivers", {"GET": drivers.list_drivers}),
    Route("/v1/system/drivers/{driver}", {"GET": drivers.show_driver}),
)
