"""Generates the Python code of the contract: `make protos`.

protoc names imports after the proto package (`terrace.v1`); in this repository the package lives under `protos`,
so the imports are rewritten on the way out.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PACKAGE = Path("terrace/v1")
SUFFIXES = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")


def proto_files(root: Path = ROOT) -> list[Path]:
    """The contract's files, sorted by name."""
    return sorted((root / PACKAGE).glob("*.proto"))


def generated_files(root: Path) -> dict[str, str]:
    """Name -> text of every generated file under `root`."""
    return {path.name: path.read_text() for path in _candidates(root)}


def generate(root: Path = ROOT) -> dict[str, str]:
    """Name -> text of the code generated from the contract in `root`; writes nothing there. See `protoc` for errors."""
    plugin = Path(sys.executable).parent / "protoc-gen-mypy_grpc"
    with tempfile.TemporaryDirectory() as folder:
        protoc(
            root,
            f"--plugin=protoc-gen-mypy_grpc={plugin}",
            f"--python_out={folder}",
            f"--pyi_out={folder}",
            f"--grpc_python_out={folder}",
            f"--mypy_grpc_out=quiet:{folder}",
        )
        return {name: _rewritten(text) for name, text in generated_files(Path(folder)).items()}


def protoc(root: Path, *arguments: str) -> None:
    """Runs protoc over the contract in `root`. Raises RuntimeError if it refuses; what is wrong is on stderr then."""
    from grpc_tools import protoc as compiler

    paths = [f"--proto_path={root}", f"--proto_path={resources.files('grpc_tools') / '_proto'}"]
    status = compiler.main(["protoc", *paths, *arguments, *(str(path) for path in proto_files(root))])
    if status != 0:
        raise RuntimeError("protoc refused the contract")


def write(files: dict[str, str], root: Path = ROOT) -> None:
    """Makes the generated files under `root` exactly `files`: writes what differs, removes what is not among them."""
    for path in _candidates(root):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        path = root / PACKAGE / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _candidates(root: Path) -> Iterator[Path]:
    return (path for path in sorted((root / PACKAGE).iterdir()) if path.name.endswith(SUFFIXES))


def _rewritten(text: str) -> str:
    # The servicers' base classes answer UNIMPLEMENTED by themselves; their stubs need not call every method abstract.
    text = re.sub(r"^ *@\w+\.abstractmethod\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^from terrace\.v1 import", "from protos.terrace.v1 import", text, flags=re.MULTILINE)
    return re.sub(r"^import terrace\.v1", "import protos.terrace.v1", text, flags=re.MULTILINE)


if __name__ == "__main__":
    write(generate())
