"""What was earned and lost, counted from the ledger, the closed groups and the equity snapshots (PNL-3, PNL-4)."""
