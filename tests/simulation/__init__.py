"""Seeded runs of the whole engine with failures, on one thread and a virtual clock: `make simulate`."""
