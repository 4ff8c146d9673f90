"""What the simulated venues share: the account behind the wire, the server, faults, time, limits and the ledger."""
