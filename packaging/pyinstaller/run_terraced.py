"""The executable `terraced`."""

from terrace_frozen import start

start("daemon")
