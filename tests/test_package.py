"""The package works where it is installed: in an environment of its own, in an empty folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.environment import absent
from tests.support.ffmpeg import times_by_ffprobe
from tests.support.paths import ROOT

# Runtime packages are installed, which may download them
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

CODE = ("detector", "pipeline", "trackers", "trainer")
DATA = {"framelane_configs": ROOT / "configs", "framelane_models": ROOT / "models"}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def _called(line: list[object], folder: Path) -> subprocess.CompletedProcess[str]:
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FRAMELANE"))}
    return subprocess.run(
        list(map(str, line)),
        cwd=folder,
        env=outside | {"FRAMELANE_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tracked files, as from a fresh clone."""
    folder = tmp_path_factory.mktemp("wheel")
    clone = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(clone, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        if not name.startswith(("tests/", "docs/", "benchmarks/")) and (ROOT / name).is_file():
            copy = folder / "clone" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, "."]
    built = _called(build, folder / "clone")
    if built.returncode:
        absent(f"no wheel can be built here: {built.stderr}", "REQUIRE_DATA")
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Call a program of a fresh environment that holds the wheel, in an empty folder."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "empty").mkdir()
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [folder / "venv/bin/python", "-m", "pip", "install", "-q", "--no-compile"]
    done = _called([*pip, "-c", ROOT / "constraints.txt", wheel], folder)
    if done.returncode:
        absent(f"the runtime packages cannot be installed here: {done.stderr}", "REQUIRE_DATA")

    def run(program: str, *words: object) -> subprocess.CompletedProcess[str]:
        return _called([folder / "venv/bin" / program, *words], folder / "empty")

    return run


def test_every_package_is_listed() -> None:
    table = re.search(r"\npackages = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL)
    assert table is not None
    listed = re.findall(r'"(.+)"', table[1])
    code = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for package in CODE
        for file in (ROOT / package).rglob("__init__.py")
    }
    data = {
        ".".join((name, *file.parent.relative_to(folder).parts))
        for name, folder in DATA.items()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert sorted(code | data) == listed


def test_the_wheel_holds_every_data_file(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for name, folder in DATA.items():
        files = [file for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc"]
        assert {f"{name}/{file.relative_to(folder)}" for file in files} <= held
    assert {f"{package}/py.typed" for package in CODE} <= held


def test_links_and_images_of_the_readme_are_absolute_on_the_index(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    metadata = next(name for name in archive.namelist() if name.endswith("/METADATA"))
    text = archive.read(metadata).decode()
    assert "](docs/" not in text and "/raw/main/docs/street" in text


def test_the_main_job_writes_an_annotated_video(installed: Run) -> None:
    ended = installed("framelane", "run", "--max-frames", 20, "--output", "out.mp4")
    assert ended.returncode == 0, ended.stderr
    video = Path(ended.args[0]).parents[2] / "empty" / "out.mp4"
    assert len(times_by_ffprobe(video)) == 20


def test_an_official_checkpoint_runs_without_torch(installed: Run, reference: Path) -> None:
    assert installed("python", "-c", "import torch").returncode != 0
    checkpoint = reference / "official_yolov7-tiny_w0.25.pt"
    words = ("--model", checkpoint, "--imgsz", 64, "--max-frames", 2, "--output", "out.jsonl")
    ended = installed("framelane", "run", *words)
    assert ended.returncode == 0, ended.stderr
    results = Path(ended.args[0]).parents[2] / "empty" / "out.jsonl"
    assert len(results.read_text().splitlines()) == 2


def test_tracks_are_made_of_detections(installed: Run, tmp_path: Path) -> None:
    boxes = [f"{frame},-1,{100 + 2 * frame},50,40,80,0.9,-1,-1,-1" for frame in range(1, 11)]
    (tmp_path / "walker.txt").write_text("\n".join(boxes) + "\n")
    words = ("--detections", tmp_path / "walker.txt", "--output", tmp_path / "tracks.txt")
    ended = installed("framelane", "tracks", "run", *words)
    assert ended.returncode == 0, ended.stderr
    rows = [line.split(",") for line in (tmp_path / "tracks.txt").read_text().splitlines()]
    assert [int(row[0]) for row in rows] == list(range(1, 11)) and {row[1] for row in rows} == {"1"}


def test_the_doctor_examines_the_machine(installed: Run) -> None:
    ended = installed("framelane", "doctor", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["packages"]["openvino"]


def test_the_configuration_is_printed(installed: Run) -> None:
    ended = installed("framelane", "run", "clip.mp4", "--print-config")
    assert ended.returncode == 0 and "- url: clip.mp4" in ended.stdout.replace("name: clip\n  ", "")


def test_models_and_networks_are_found(installed: Run) -> None:
    ended = installed("framelane", "models", "list")
    assert ended.returncode == 0 and "person, bicycle, car" in ended.stdout


def test_modules_run_as_from_a_checkout(installed: Run) -> None:
    for module in ("detector", "trackers", "trainer"):
        assert installed("python", "-m", module, "--help").returncode == 0


def test_completion_is_generated_for_every_shell(installed: Run) -> None:
    for shell in ("bash", "zsh", "fish"):
        words = (
            "-c",
            f"import os; os.environ['_FRAMELANE_COMPLETE'] = '{shell}_source'; "
            "from pipeline.commands.framelane import main; main(prog_name='framelane')",
        )
        assert "_FRAMELANE_COMPLETE" in installed("python", *words).stdout
