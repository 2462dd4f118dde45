"""The Dockerfiles lint clean and copy what is there; building them needs more than a test has."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.config import load_config
from tests.support.environment import absent
from tests.support.paths import ROOT

FILES = sorted((ROOT / "docker").glob("Dockerfile*"))
COMPOSE = ROOT / "docker" / "compose.yaml"


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


def test_there_is_one_for_a_cpu_one_for_a_gpu_and_one_for_a_jetson() -> None:
    assert [file.name for file in FILES] == ["Dockerfile", "Dockerfile.gpu", "Dockerfile.l4t"]


def test_compose_builds_what_is_there_and_mounts_what_it_runs() -> None:
    service = yaml.safe_load(COMPOSE.read_text())["services"]["framelane"]
    context = (COMPOSE.parent / service["build"]["context"]).resolve()
    assert context == ROOT and (context / service["build"]["dockerfile"]).is_file()
    mounts = dict(mount.split(":", 1) for mount in service["volumes"])
    assert mounts["./site.yaml"] == "/site.yaml:ro" and service["command"][-1] == "/site.yaml"
    declared = set(yaml.safe_load(COMPOSE.read_text())["volumes"])
    assert {name for name in mounts if not name.startswith(".")} == declared


def test_the_site_of_compose_records_into_its_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMERA_URL", "rtsp://192.0.2.1/1")
    config = load_config(ROOT / "docker" / "site.yaml", [])
    assert [source.name for source in config.sources] == ["camera"]
    assert all(output.url.startswith("/recordings/{stream}") for output in config.outputs)
