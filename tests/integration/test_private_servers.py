"""The servers of the tests keep to themselves."""

from __future__ import annotations

import ipaddress

import psutil
import pytest

from tests.servers.rabbitmq import RabbitServer

pytestmark = pytest.mark.integration


def test_a_private_broker_listens_on_loopback_addresses_only(rabbit: RabbitServer) -> None:
    addresses = [
        connection.laddr
        for pid in rabbit.process_ids()
        for connection in psutil.Process(pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {rabbit.port, rabbit.tls_port} <= {address.port for address in addresses}
    for address in addresses:
        assert ipaddress.ip_address(address.ip).is_loopback, address
