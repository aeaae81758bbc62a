"""Harness that runs the SensorThings suites of others against any server; see docs/conformance.md."""
