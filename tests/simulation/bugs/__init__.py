"""Deliberate bugs, switched on one at a time to see that the checker finds each."""

from tests.simulation.bugs import protocol, trading
from tests.simulation.bugs.bug import Bug

ALL: tuple[Bug, ...] = (*protocol.BUGS, *trading.BUGS)
