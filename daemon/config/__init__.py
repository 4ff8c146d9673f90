"""`config.yaml`: read, checked against a schema, turned into settings, watched (CFG)."""
