"""The kernel's own tests, without Python: one build and a sample of seeds.

`make test-native` builds all three and tries more.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

NATIVE = Path(__file__).parent
BUILD_TIMEOUT_S = 600.0
RUN_TIMEOUT_S = 120.0


def test_the_kernel_passes_its_own_tests() -> None:
    # What is built stays in tests/native/build, so that only what was changed is built again.
    built = subprocess.run(
        ["make", "--no-print-directory", "-j2", "build/plain/kernel_tests"],
        cwd=NATIVE,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-4000:]
    done = subprocess.run(
        ["build/plain/kernel_tests"],
        cwd=NATIVE,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert " 0 failed" in done.stdout
