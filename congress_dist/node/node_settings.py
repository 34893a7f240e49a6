"""What an operator may change of the bus while a node runs: keys and wire version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol.codec import Encoder
from ..transports.seal import KeyRing, Sealer

if TYPE_CHECKING:
    from oslo_config import cfg


class NodeSettings:
    """What the node's parts share and `take` changes, at the start and after SIGHUP."""

    def __init__(self, incarnation: str) -> None:
        self.sealer = Sealer(None, incarnation)
        self.encode = Encoder()

    def take(self, conf: cfg.ConfigOpts) -> None:
        """Take what a configuration says.

        Raises: InvalidConfig: a key is wrong; nothing was taken.
        """
        ring = KeyRing.parse(conf.dse.message_key)
        self.sealer.use(ring, accept_unsigned=conf.dse.accept_unsigned)
        self.encode.version = conf.dse.wire_version
