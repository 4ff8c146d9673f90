"""The canary: this program's engine on a copy of another one's data, looking at the exchanges and touching nothing."""

TIMEOUT_S = 120
"""How long it may take to be ready, unless told otherwise."""
NICENESS = 10
"""The running daemon has the machine first."""
