"""The measurements: `make bench-…` runs them, docs/performance.md holds the figures."""
