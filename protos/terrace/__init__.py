"""Package root of the contract."""
