"""Build hook of the package: the evaluation kernel; everything declarative is in setup.cfg."""

from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

KERNEL = Pybind11Extension(
    "congress_dist.policy.kernel._kernel",
    sorted(map(str, Path("policy/kernel").glob("*.cpp"))),
    depends=sorted(map(str, Path("policy/kernel").glob("*.h"))),
    cxx_std=20,
    extra_compile_args=["-O3", "-DNDEBUG", "-fvisibility=hidden", "-Wall", "-Wextra"],
)

ParallelCompile("NPY_NUM_BUILD_JOBS", default=2).install()
setup(ext_modules=[KERNEL], cmdclass={"build_ext": build_ext})
