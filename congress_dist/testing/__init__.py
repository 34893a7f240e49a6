"""The test kit: a memory transport with seeded faults, a fake clock, conformance suites."""
