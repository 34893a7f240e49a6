"""Puts another build of the kernel in the place of the one that is installed.

`CONGRESS_KERNEL` names its file. Loaded by pytest before all tests; called as a program it runs
random cases as `tests.oracle.volume` does.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_NAME = "congress_dist.policy.kernel._kernel"


def _use(path: str) -> None:
    loader = ExtensionFileLoader(_NAME, path)
    spec = spec_from_file_location(_NAME, path, loader=loader)
    assert spec is not None
    sys.modules[_NAME] = module_from_spec(spec)
    loader.exec_module(sys.modules[_NAME])


_use(str(Path(os.environ["CONGRESS_KERNEL"]).absolute()))

if __name__ == "__main__":
    from tests.oracle.volume import main

    sys.exit(main(sys.argv[1:]))
