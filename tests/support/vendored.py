"""The JavaScript that others wrote and we ship or test with, as it was released to npm.

`python -m tests.support.vendored` fetches it anew with npm and writes the hashes down.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.paths import ROOT

SHIPPED = ROOT / "pipeline/web/static/vendor"
TESTED_WITH = ROOT / "tests/support/vendor"


@dataclass(frozen=True, slots=True)
class Package:
    """An npm package; files: those that are kept, among them its licence."""

    name: str
    version: str
    files: tuple[str, ...]
    folder: Path = SHIPPED


PACKAGES = (
    Package("preact", "10.29.8", ("dist/preact.umd.js", "hooks/dist/hooks.umd.js", "LICENSE")),
    Package("htm", "3.1.1", ("dist/htm.module.js", "LICENSE")),
    Package("uplot", "1.6.32", ("dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE")),
    Package("axe-core", "4.14.1", ("axe.min.js", "LICENSE"), TESTED_WITH),
)


def kept(package: Package) -> dict[str, Path]:
    """Return where each file of a package is kept, by its name in the package."""
    folder = package.folder / package.name
    return {name: folder / Path(name).name for name in package.files}


def record_of(folder: Path) -> Path:
    """Return the file that lists what a folder holds."""
    return folder / "VENDORED.md"


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(package: Package) -> str:
    """Copy the files of a package out of its release; return the licence that it names."""
    with TemporaryDirectory() as scratch:
        command = ["npm", "pack", f"{package.name}@{package.version}", "--silent"]
        done = subprocess.run(command, cwd=scratch, check=True, capture_output=True, text=True)
        with tarfile.open(Path(scratch, done.stdout.strip().splitlines()[-1])) as archive:
            for name, path in kept(package).items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(_content(archive, name))
            about = json.loads(_content(archive, "package.json"))
    assert about["version"] == package.version
    return str(about["license"])


def write_record(folder: Path, licences: dict[str, str]) -> None:
    """Write the list of what a folder holds; licences: by package."""
    lines = [
        "# Vendored files",
        "",
        "Unchanged, as released to npm. `python -m tests.support.vendored` fetches them and writes",
        "this list; a test compares the hashes.",
        "",
        "| package | version | licence | file | sha256 |",
        "|---|---|---|---|---|",
    ]
    for package in PACKAGES:
        if package.folder == folder:
            lines += [
                f"| {package.name} | {package.version} | {licences[package.name]} "
                f"| {path.relative_to(folder).as_posix()} | {sha256(path)} |"
                for path in kept(package).values()
            ]
    record_of(folder).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(f"package/{name}")
    assert file, name
    return file.read()


def _main() -> None:
    licences = {package.name: fetch(package) for package in PACKAGES}
    for folder in (SHIPPED, TESTED_WITH):
        write_record(folder, licences)


if __name__ == "__main__":
    _main()
