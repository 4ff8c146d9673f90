"""A second daemon on the same store: it waits, takes over, and the one before is fenced (docs/standby.md)."""
