"""Simulated venues that speak the exchanges' own wire, for tests and for trying the daemon without an exchange."""
