"""`make troubles`: writes docs/troubleshooting.md."""

from __future__ import annotations

import sys

from tests.troubles.page import PAGE, write

if __name__ == "__main__":
    write()
    print(f"wrote {PAGE.name}", file=sys.stderr)
