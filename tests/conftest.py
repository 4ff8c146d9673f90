"""Shared by all tests. Markers and limits are in setup.cfg."""
