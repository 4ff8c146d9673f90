"""Makes wheel and source package, and looks into them. `python -m tests.install.packages` fills dist/.

They are made from a copy of the tree: what earlier builds left in it gets into no package, and the tree stays as it is.
The wheel is made from the unpacked source package, so what the latter lacks is missed by the former.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("actors", "control", "daemon", "gui", "protos")
"""What a wheel holds, and nothing else."""
FOLDERS = (*ROOMS, "docs", "packaging")
FILES = (
    "CHANGELOG.md",
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "config.yaml",
    "pyproject.toml",
    "requirements.lock",
    "setup.cfg",
)
CONSTRAINTS = "constraints.txt"
SUMS = "SHA256SUMS"
BUILD_S = 300
LONG_AGO = "315532800"
"""1980, the first year an archive can name."""
_LEFT_BEHIND = re.compile(r"(^|/)(__pycache__|\.[a-z]+_cache|\.DS_Store)(/|$)|\.py[co]$|\.swp$")
_PIN = re.compile(r"^(?P<pin>[A-Za-z0-9_.\[\]-]+==[^ ;\\]+)(?P<marker> ; [^\\]+?)? *\\?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """`tree` is the copy they were made from."""

    tree: Path
    wheel: Path
    sdist: Path
    constraints: Path

    @property
    def version(self) -> str:
        return self.wheel.name.split("-")[1]


def make(folder: Path) -> Packages:
    """Both packages and the constraints in `folder`/dist; `folder` is new. RuntimeError with the build's words."""
    tree, dist = folder / "tree", folder / "dist"
    copy_tree(tree)
    build(tree, dist)
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    (dist / CONSTRAINTS).write_text(as_constraints(lock), encoding="utf-8")
    return made_in(folder)


def made_in(folder: Path) -> Packages:
    """What `make` has put there."""
    dist = folder / "dist"
    wheel, sdist = only(dist, "*.whl"), only(dist, "*.tar.gz")
    return Packages(tree=folder / "tree", wheel=wheel, sdist=sdist, constraints=dist / CONSTRAINTS)


def copy_tree(target: Path) -> None:
    """The files that belong to the project, as they are now, committed or not."""
    for name in listed() or found():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, path)


def listed() -> list[str]:
    """As git has them; empty where this is no clone."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return []
    command = [git, "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard", "--", *FOLDERS, *FILES]
    names = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def found() -> list[str]:
    """As they lie there, without what the tools leave."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    names = [path.relative_to(ROOT).as_posix() for path in paths]
    return [name for name in names if not _LEFT_BEHIND.search(name)] + list(FILES)


def build(tree: Path, dist: Path) -> None:
    """With the setuptools of this environment, so that nothing is fetched."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist), str(tree)],
        cwd=tree,
        env={**os.environ, "SOURCE_DATE_EPOCH": committed_at(), "NO_COLOR": "1"},
        capture_output=True,
        timeout=BUILD_S,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stdout.decode() + done.stderr.decode())


def committed_at() -> str:
    """When what is built was committed, in seconds: the same commit gives the same wheel."""
    git = shutil.which("git")
    if git is None:
        return LONG_AGO
    done = subprocess.run([git, "-C", str(ROOT), "log", "-1", "--format=%ct"], capture_output=True, check=False)
    return done.stdout.decode().strip() or LONG_AGO


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def as_constraints(lock: str) -> str:
    """The versions of the lock without their hashes: pip takes no hashes for what it finds by itself."""
    pins = [match for line in lock.splitlines() if (match := _PIN.match(line))]
    return "".join(f"{match['pin']}{(match['marker'] or '').rstrip()}\n" for match in pins)


# --- what is in them ------------------------------------------------------------------------------


def in_wheel(wheel: Path) -> dict[str, bytes]:
    """File -> content."""
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}


def in_sdist(sdist: Path) -> dict[str, bytes]:
    """File -> content, without the folder all are in."""
    found: dict[str, bytes] = {}
    with tarfile.open(sdist) as opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is not None:
                found[member.name.partition("/")[2]] = file.read()
    return found


def in_rooms(tree: Path) -> dict[str, bytes]:
    """What a wheel must hold: every file of the rooms."""
    files = [path for room in ROOMS for path in (tree / room).rglob("*") if path.is_file()]
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in files}


def faults(made: Packages) -> list[str]:
    """What is missing in a package, too much, or different from the tree; empty where all is well."""
    wanted, wheel, sdist = in_rooms(made.tree), in_wheel(made.wheel), in_sdist(made.sdist)
    inside = {name: content for name, content in wheel.items() if ".dist-info/" not in name}
    found = [f"the wheel lacks {name}" for name in sorted(wanted.keys() - inside.keys())]
    found += [f"the wheel has {name}" for name in sorted(inside.keys() - wanted.keys())]
    for where, has in (("wheel", inside), ("source package", sdist)):
        differing = sorted(name for name in wanted.keys() & has.keys() if has[name] != wanted[name])
        found += [f"the {where} has another {name}" for name in differing]
    found += [f"the source package lacks {name}" for name in sorted({*wanted, *FILES} - sdist.keys())]
    found += [f"the source package has {name}" for name in sorted(sdist) if name.split("/")[0] == "tests"]
    return found


# --- for people -----------------------------------------------------------------------------------


def main() -> int:
    """Fills dist/ with packages that were looked into; what was made there before by this goes."""
    import tempfile

    dist = ROOT / "dist"
    with tempfile.TemporaryDirectory() as folder:
        made = make(Path(folder) / "packages")
        if wrong := faults(made):
            print("\n".join(wrong), file=sys.stderr)
            return 1
        dist.mkdir(exist_ok=True)
        for old in (*dist.glob("terrace-*.whl"), *dist.glob("terrace-*.tar.gz")):
            old.unlink()
        sums = []
        for path in (made.wheel, made.sdist, made.constraints):
            shutil.copy2(path, dist / path.name)
            content = path.read_bytes()
            sums.append(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n")
            print(f"dist/{path.name}  {len(content):,} bytes")
        (dist / SUMS).write_text("".join(sums), encoding="ascii")
        print(f"dist/{SUMS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
