"""What one `congress up` works with."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .client import Client

if TYPE_CHECKING:
    import argparse

    from oslo_config import cfg

    from congress_dist.policy.language.package import Package


class Run:
    """Options, configuration and the API's client of one `congress up`."""

    def __init__(
        self,
        args: argparse.Namespace,
        conf: cfg.ConfigOpts,
        data_dir: Path,
        packages: Sequence[Package],
        stopping: threading.Event,
    ) -> None:
        from congress_dist.config import datasource_sections

        self.args = args
        self.conf = conf
        self.data_dir = data_dir
        self.packages = packages
        self.stopping = stopping
        self.silence = conf.dse.lease_time
        self.host, self.port = conf.api.bind_host, conf.api.bind_port
        self.datasources = list(datasource_sections(conf))
        self.client = Client(f"http://{self.host}:{self.port}", timeout=10)
