"""Build hook of the package; everything declarative is in setup.cfg."""

from setuptools import setup

setup()
