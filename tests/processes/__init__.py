"""Real processes, broken from outside: kill -9, stops, cut connections, full disks, clocks that jump (REC)."""
