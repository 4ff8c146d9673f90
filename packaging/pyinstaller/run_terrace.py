"""The executable `terrace`."""

from terrace_frozen import start

start("control")
