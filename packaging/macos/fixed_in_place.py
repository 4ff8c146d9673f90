"""`fixed_in_place.py FILE`: bundles named in a component list of pkgbuild are installed where the package says.

By default the Installer would update a bundle of the same name that lies anywhere else on the Mac.
"""

from __future__ import annotations

import plistlib
import sys
from pathlib import Path
from typing import Any

FIXED = {"BundleIsRelocatable": False, "BundleIsVersionChecked": False, "BundleOverwriteAction": "upgrade"}


def fixed(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same list, with bundles inside bundles, each fixed in place."""
    found = []
    for one in components:
        inner = {"ChildBundles": fixed(one["ChildBundles"])} if "ChildBundles" in one else {}
        found.append({**one, **FIXED, **inner})
    return found


def main() -> int:
    path = Path(sys.argv[1])
    path.write_bytes(plistlib.dumps(fixed(plistlib.loads(path.read_bytes()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
