"""The policy engine on a node: one replica, reached by calls on the topic `policy`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from congress_dist.processes.process_end import stop_this_process
from congress_dist.service import Method, Service

from .answers import Answers
from .datasource_requests import DatasourceRequests
from .lease_requests import LeaseRequests
from .replica import Replica
from .rule_requests import RuleRequests
from .rule_writer import RuleWriter
from .status import StatusRequests
from .store.rule_store import RuleStore

if TYPE_CHECKING:
    from oslo_config import cfg

    from congress_dist.dse_node import DseNode


def make_service(conf: cfg.ConfigOpts, name: str) -> PolicyService:
    """Make the replica of this name over the configured rule database."""
    return PolicyService(name, RuleStore(conf.database.connection))


class PolicyService(Service):
    """A replica as a service.

    Lifecycle: serves leases and writes as soon as it is started; answers from tables are refused
    with NotReady until the sources that they need are in. `give_up` ends the process when a change
    that is committed cannot be carried out here.
    """

    topic = "policy"
    observes_nodes = True  # a lease's epoch must be above any heard of the stream

    def __init__(
        self, name: str, store: RuleStore, give_up: Callable[[], None] = stop_this_process
    ) -> None:
        self.name = f"policy@{name}"
        self.replica = Replica(store, give_up)
        self._store = store
        self._node: DseNode | None = None
        writer = RuleWriter(self.replica, store)
        self._rules = RuleRequests(self.replica, writer)
        self._datasources = DatasourceRequests(self.replica, writer)
        self._leases = LeaseRequests(store.leases, self._heard_epoch)
        self._answers = Answers(self.replica)
        self._status = StatusRequests(self.replica)

    def methods(self) -> Mapping[str, Method]:
        """Give the calls by name."""
        return {
            method.__name__: method
            for method in (
                self._status.status,
                self._rules.policy_list,
                self._rules.policy_get,
                self._rules.policy_create,
                self._rules.policy_delete,
                self._rules.rule_list,
                self._rules.rule_get,
                self._rules.rule_insert,
                self._rules.rule_delete,
                self._answers.table_list,
                self._answers.table_get,
                self._answers.row_list,
                self._answers.violation_list,
                self._answers.explain,
                self._datasources.datasource_list,
                self._datasources.datasource_get,
                self._datasources.datasource_schema,
                self._datasources.datasource_register,
                self._status.datasource_status,
                self._leases.lease_acquire,
                self._leases.lease_renew,
                self._leases.lease_release,
                self._leases.lease_list,
            )
        }

    def start(self, node: DseNode) -> None:
        """Open the rule database and begin to follow it.

        Raises: as `open`.
        """
        self._node = node
        self.open()
        self.replica.start(node)

    def open(self) -> None:
        """Open the rule database, bring it up to date, and load the program.

        Raises: StoreUnavailable: it cannot be opened. StartupError: a newer release wrote it.
        """
        self._store.open()
        self._rules.create_system_policies()

    def stop(self) -> None:
        """Stop following, and close the rule database; idempotent."""
        self.replica.stop()
        self._store.close()

    def _heard_epoch(self, name: str, owner: str) -> int:
        return 0 if self._node is None else self._node.heard_epoch(name, besides=owner)
