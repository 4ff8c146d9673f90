"""Version 1 of the contract: one proto file per service, generated code beside it."""
