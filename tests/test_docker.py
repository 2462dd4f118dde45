"""The Dockerfiles lint clean and copy what is there; building them needs more than a test has."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environment import absent
from tests.support.paths import ROOT

FILES = sorted((ROOT / "docker").glob("Dockerfile.*"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_dockerfile_lints_clean(file: Path) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        absent("no hadolint for this machine (extra `dev`)", "REQUIRE_HADOLINT")
    ended = subprocess.run([hadolint, file], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_dockerfile_copies_what_is_there_and_every_package(file: Path) -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", file.read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert all((ROOT / name).exists() for name in names), names
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests", "benchmarks"} | {"configs", "models"} <= names


def test_there_is_one_for_a_pc_and_one_for_a_jetson() -> None:
    assert [file.name for file in FILES] == ["Dockerfile.gpu", "Dockerfile.l4t"]
