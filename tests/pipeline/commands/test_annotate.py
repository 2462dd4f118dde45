"""`framelane annotate` over real recordings: what it writes, tries again, sets aside, resumes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.commands.annotate import annotate
from tests.support.cameras import CAP, until
from tests.support.ffmpeg import times_by_ffprobe
from tests.support.library import (
    BAD,
    DAMAGED,
    GOOD,
    annotate_line,
    children,
    counts_in,
    ended,
    held,
    is_alive,
    kill,
    reader_of,
    started,
    write_library,
)
from tests.support.paths import ROOT

END = 10 * CAP  # seconds for a whole run on a slow machine
FORMATS = ("jsonl", "txt", "mp4")
OUTPUTS = [word for each in FORMATS for word in ("--output", f"out/{{path}}.{each}")]
FRAMES = 24
SHARED = ["--max-frames", str(FRAMES)]


@dataclass(frozen=True)
class Ran:
    """The first run over the library."""

    folder: Path
    code: int
    out: str
    err: str


def annotated(folder: Path, *words: str) -> tuple[int, str, str]:
    with started(annotate_line(*words), folder) as process:
        return ended(process, END)


@pytest.fixture(scope="module")
def ran(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A run over a library, in which one recording kills each of its workers."""
    folder = tmp_path_factory.mktemp("library")
    write_library(folder / "rec", data)
    killer = folder / "killer.mp4"
    words = ["rec", killer.name, *OUTPUTS, *SHARED, "--workers", "2"]
    with held(killer), started(annotate_line(*words), folder) as process:
        for _ in range(3):
            kill(reader_of(killer, lambda: children(process.pid), process))
        return Ran(folder, *ended(process, END))


@pytest.fixture(scope="module")
def reference(ran: Ran) -> Path:
    """What `framelane run` writes for the same recordings."""
    words = [str(Path("rec", name)) for name in [*GOOD, DAMAGED]]
    outputs = [word for each in FORMATS for word in ("--output", f"reference/{{stream}}.{each}")]
    line = [sys.executable, str(ROOT / "run_pipeline.py"), *words, *outputs, *SHARED]
    subprocess.run(line, cwd=ran.folder, timeout=END, check=False, capture_output=True)
    return ran.folder / "reference"


def written(ran: Ran) -> dict[str, float]:
    """Return when each output was written."""
    out = ran.folder / "out"
    kept = [path for path in out.rglob("*") if path.suffix[1:] in FORMATS]
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in kept}


def stream(name: str) -> str:
    """Return the name that `framelane run` gives the stream of a file."""
    return {"with space ü (1)": "with-space-ü-1"}.get(Path(name).stem, Path(name).stem)


def test_the_summary_adds_up_and_names_what_failed_and_what_was_set_aside(ran: Ran) -> None:
    counts = counts_in(ran.out)
    assert counts == {
        "total": len([*GOOD, DAMAGED, *BAD]) + 1,
        "done": len([*GOOD, DAMAGED]),
        "already done": 0,
        "failed": len(BAD),
        "set aside": 1,
        "cut by the stop": 0,
    }
    assert ran.code == 1
    for name in BAD:
        assert f"rec/{name}: failed: " in ran.out
    assert f"rec/{DAMAGED}: damaged: " in ran.out
    assert "killer.mp4: set aside: 3 times, its process was killed by SIGKILL" in ran.out
    assert "Traceback" not in ran.err


def test_every_output_has_its_place_and_nothing_half_done_is_left(ran: Ran) -> None:
    wanted = {
        f"{Path(name).with_suffix('')}.{each}" for name in [*GOOD, DAMAGED] for each in FORMATS
    }
    found = {
        str(path.relative_to(ran.folder / "out"))
        for path in (ran.folder / "out").rglob("*")
        if path.is_file()
    }
    assert found == wanted | {"library.sqlite", "report.html"}


@pytest.mark.parametrize("name", [*GOOD, DAMAGED])
def test_text_equals_that_of_framelane_run_byte_for_byte(
    ran: Ran, reference: Path, name: str
) -> None:
    for each in ("jsonl", "txt"):
        ours = ran.folder / "out" / f"{Path(name).with_suffix('')}.{each}"
        theirs = reference / f"{stream(name)}.{each}"
        assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("name", ["street/crossing.mp4", "sub/deep/vfr.mp4"])
def test_video_has_the_frame_times_of_framelane_run(ran: Ran, reference: Path, name: str) -> None:
    times = times_by_ffprobe(ran.folder / "out" / f"{Path(name).with_suffix('')}.mp4")
    assert times == times_by_ffprobe(reference / f"{stream(name)}.mp4")
    assert len(times) == FRAMES


def test_the_report_is_one_page_with_totals_failures_and_the_slowest(ran: Ran) -> None:
    page = (ran.folder / "out/report.html").read_text()
    assert "<td>failed</td><td>3</td>" in page
    assert "<td>killer.mp4</td><td>3 times, its process was killed by SIGKILL" in page
    assert "<td>rec/street/crossing.mp4</td>" in page
    assert "http" not in page


def test_a_second_run_does_nothing_and_a_changed_recording_is_done_again(
    ran: Ran, data: Path
) -> None:
    before = written(ran)
    words = ["rec", *OUTPUTS, *SHARED]
    code, out, _ = annotated(ran.folder, *words)
    assert code == 1  # what failed is still missing
    counts = counts_in(out)
    assert (counts["already done"], counts["failed"]) == (len([*GOOD, DAMAGED]), len(BAD))
    assert counts["done"] == 0
    assert written(ran) == before

    os.utime(ran.folder / "rec/one_frame.mp4")  # another date, the same content
    shutil.copyfile(data / "awkward/one_frame.mp4", ran.folder / "rec/sub/tiny.mp4")
    _, out, _ = annotated(ran.folder, *words)
    counts = counts_in(out)
    assert (counts["done"], counts["already done"]) == (1, len([*GOOD, DAMAGED]) - 1)
    changed = {name for name, at in written(ran).items() if at != before[name]}
    assert changed == {f"sub/tiny.{each}" for each in FORMATS}

    _, out, _ = annotated(ran.folder, "rec/one_frame.mp4", "--conf", "0.5", *OUTPUTS, *SHARED)
    assert counts_in(out)["done"] == 1  # another configuration


@pytest.fixture
def long_run(data: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run in `tmp_path` that has done `a` and `b`, and is in the middle of `long`."""
    (tmp_path / "rec").mkdir()
    shutil.copyfile(data / "awkward/one_frame.mp4", tmp_path / "rec/a.mp4")
    shutil.copyfile(data / "awkward/tiny_16x16.mp4", tmp_path / "rec/b.mp4")
    video = data / "street/videos/one-by-one-person-detection.mp4"
    shutil.copyfile(video, tmp_path / "rec/long.mp4")
    with started(annotate_line("rec", *QUICK, "--workers", "2"), tmp_path) as process:
        wanted = [tmp_path / f"out/{name}" for name in ("a.jsonl", "b.jsonl", "long.jsonl.part")]
        until(lambda: all(path.exists() for path in wanted), "one job after two others")
        yield process


QUICK = ["--engine", "fake", "--output", "out/{path}.jsonl"]


def outputs(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("out/*") if path.name.endswith(("jsonl", "part"))}


def test_the_first_signal_ends_in_order_and_nothing_half_done_has_a_final_name(
    long_run: subprocess.Popen[str], tmp_path: Path
) -> None:
    workers = children(long_run.pid)
    long_run.send_signal(signal.SIGINT)
    code, out, _ = ended(long_run, END)
    counts = counts_in(out)
    assert (code, counts["done"], counts["cut by the stop"], counts["total"]) == (0, 2, 1, 3)
    assert outputs(tmp_path) == {"a.jsonl", "b.jsonl"}
    until(lambda: not any(map(is_alive, workers)), "the end of the workers")


def test_a_second_signal_ends_at_once(long_run: subprocess.Popen[str], tmp_path: Path) -> None:
    workers = children(long_run.pid)
    long_run.send_signal(signal.SIGTERM)
    long_run.send_signal(signal.SIGINT)
    assert ended(long_run, CAP)[0] == 1
    until(lambda: not any(map(is_alive, workers)), "the end of the workers")
    assert "long.jsonl" not in outputs(tmp_path)


def test_workers_die_with_a_killed_coordinator_and_the_next_run_resumes(
    long_run: subprocess.Popen[str], data: Path, tmp_path: Path
) -> None:
    workers = children(long_run.pid)
    assert workers
    long_run.kill()
    until(lambda: not any(map(is_alive, workers)), "the end of the workers")
    assert outputs(tmp_path) == {"a.jsonl", "b.jsonl", "long.jsonl.part"}
    shutil.copyfile(data / "awkward/one_frame.mp4", tmp_path / "rec/long.mp4")
    _, out, _ = annotated(tmp_path, "rec", *QUICK)
    counts = counts_in(out)
    assert counts["already done"] >= 1  # at least the first: its entry precedes the next job
    assert counts["done"] + counts["already done"] == 3
    assert outputs(tmp_path) == {"a.jsonl", "b.jsonl", "long.jsonl"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["rec", "--output", "out.jsonl"], "would be written for"),
        (["rec", "--output", "rtsp://localhost/x"], "annotate writes one file per recording"),
        (["rec", "--model", "stret"], "did you mean 'street'?"),
        (["rec", "--classes", "elephant"], "no class 'elephant'"),
        (["rec", "--workers", "0"], "--workers"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rec").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"rec/{name}.mp4").write_bytes(b"not read")
    result = CliRunner().invoke(annotate, words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"rec"}
