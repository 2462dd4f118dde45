"""The main command as a user meets it: what it writes, what it says, how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from pipeline.commands.run import run as main
from tests.pipeline.sources.test_file import DAMAGE, READABLE, UNOPENABLE
from tests.support.ffmpeg import times_by_ffprobe, tool
from tests.support.paths import ROOT

COMMAND = (sys.executable, str(ROOT / "run_pipeline.py"))
CAP = 100  # seconds


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    line = [*COMMAND, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=CAP, cwd=cwd, check=False)


def json_lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does, with one cap."""
    tick, deadline = Event(), monotonic() + CAP
    while not condition():
        assert monotonic() < deadline, "it never happened"
        tick.wait(0.02)


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start the command, to be ended by a signal."""
    line = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def started(folder: Path, *arguments: object, frames: int = 60) -> subprocess.Popen[str]:
    """Start a long run into `folder`, and return once so many frames were emitted."""
    outputs = ("--output", folder / "out.mp4", "--output", folder / "out.jsonl")
    process = start(*arguments, *outputs)
    lines = folder / "out.jsonl"
    until(lambda: lines.exists() and lines.read_bytes().count(b"\n") >= frames)
    return process


def test_without_arguments_the_street_is_drawn_detected_tracked_and_written(tmp_path: Path) -> None:
    done = run("--max-frames", 20, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(times_by_ffprobe(tmp_path / "runs/synthetic.mp4")) == 20
    lines = json_lines(tmp_path / "runs/synthetic.jsonl")
    assert [line["index"] for line in lines] == list(range(20))
    assert any(line["tracks"] for line in lines)
    assert "20 frames decoded, 20 emitted" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("name", READABLE)
def test_every_readable_clip_comes_out_at_its_own_times(
    data: Path, tmp_path: Path, name: str
) -> None:
    clip, out = data / "awkward" / name, tmp_path / "out.mp4"
    lines, stats = tmp_path / "out.jsonl", tmp_path / "stats.json"
    outputs = ["--output", str(out), "--output", str(lines), "--stats-json", str(stats)]
    done = CliRunner().invoke(main, [str(clip), "--engine", "fake", *outputs])
    assert done.exit_code == (1 if name in DAMAGE else 0), done.output
    assert [f"{clip}: {line}" for line in DAMAGE.get(name, [])] == done.stderr.splitlines()
    assert times_by_ffprobe(out) == times_by_ffprobe(clip)
    stream = json.loads(stats.read_text())["streams"][clip.stem]
    assert stream["decoded"] == stream["emitted"] == READABLE[name][0]
    assert stream["repaired_times"] == READABLE[name][2]
    assert len(json_lines(lines)) == READABLE[name][0]


@pytest.mark.parametrize(
    ("rotation", "shape"), [("0", ["320", "240", "16:11"]), ("90", ["240", "320", "11:16"])]
)
def test_pixels_that_are_not_square_are_shown_as_the_source_shows_them(
    data: Path, tmp_path: Path, rotation: str, shape: list[str]
) -> None:
    wide, clip = tmp_path / "wide.mp4", tmp_path / "clip.mp4"
    scaled = ("-frames:v", "3", "-vf", "scale=320:240,setsar=16/11")
    tool("ffmpeg", "-i", str(data / "awkward/vfr.mp4"), *scaled, str(wide))
    turned = ("-c", "copy", "-metadata:s:v:0", f"rotate={rotation}")
    tool("ffmpeg", "-i", str(wide), *turned, str(clip))
    done = run(clip, "--engine", "fake", "--output", tmp_path / "out.mp4")
    assert done.returncode == 0, done.stderr
    entries = ("-show_entries", "stream=width,height,sample_aspect_ratio", "-of", "csv=p=0")
    said = tool("ffprobe", "-select_streams", "v:0", *entries, str(tmp_path / "out.mp4"))
    assert said.decode().strip().split(",") == shape


@pytest.mark.parametrize("name", UNOPENABLE)
def test_what_cannot_be_opened_ends_in_one_line_and_leaves_no_file(
    data: Path, tmp_path: Path, name: str
) -> None:
    clip = data / "awkward" / name
    done = run(clip, "--engine", "fake", "--output", tmp_path / "out.mp4")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{clip}: cannot be opened: {UNOPENABLE[name]}")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_older_result_survives_a_source_that_cannot_be_opened(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    assert run(data / "awkward/empty.mp4", "--engine", "fake", "--output", out).returncode == 1
    assert out.read_bytes() == b"precious"


@pytest.mark.parametrize(("frames", "engine"), [(1, "openvino"), (37, "openvino"), (90, "fake")])
def test_ctrl_c_ends_well_and_every_emitted_frame_is_in_the_file(
    tmp_path: Path, frames: int, engine: str
) -> None:
    process = started(tmp_path, "synthetic", "--engine", engine, frames=frames)
    process.send_signal(signal.SIGINT)
    output, complaint = process.communicate(timeout=CAP)
    assert (process.returncode, complaint) == (0, "")
    emitted = int(re.search(r"(\d+) emitted", output)[1])  # type: ignore[index]
    assert len(times_by_ffprobe(tmp_path / "out.mp4")) == emitted
    assert len(json_lines(tmp_path / "out.jsonl")) == emitted >= frames
    assert tool("ffmpeg", "-v", "error", "-i", str(tmp_path / "out.mp4"), "-f", "null", "-") == b""


def test_kill_leaves_all_but_the_open_gop(tmp_path: Path) -> None:
    # 7.2 s: three GOPs of 2 s are closed. The file does not depend on the engine, the fake is quick
    process = started(tmp_path, "synthetic", "--engine", "fake", frames=180)
    process.kill()
    process.communicate(timeout=CAP)
    written = len(times_by_ffprobe(tmp_path / "out.mp4"))
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines(keepends=True)
    assert written >= 100
    assert all(json.loads(line) for line in lines if line.endswith(b"\n"))


def test_a_second_signal_ends_a_run_before_its_batches_are_done(tmp_path: Path) -> None:
    (tmp_path / "slow.yaml").write_text("model: {engine: fake, seconds: 10}\n")
    arguments = ("--config", tmp_path / "slow.yaml", "synthetic")
    with started(tmp_path, *arguments, frames=1) as process:  # the next batch has 10 s to go
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=CAP)
    assert process.returncode == 1
    assert said.endswith("cancelled: a stage did not end in time, its output is incomplete\n")


def test_a_stride_keeps_every_kth_frame_at_its_own_time(data: Path, tmp_path: Path) -> None:
    clip, out = data / "awkward/vfr.mp4", tmp_path / "out.mp4"
    done = run(clip, "--engine", "fake", "--stride", 3, "--max-frames", 10, "--output", out)
    assert done.returncode == 0
    assert times_by_ffprobe(out) == times_by_ffprobe(clip)[:30:3]


def test_several_streams_share_one_engine_and_each_has_its_files(
    data: Path, tmp_path: Path
) -> None:
    clips = [data / "awkward/vfr.mp4", data / "awkward/one_frame.mp4", data / "awkward/empty.mp4"]
    done = run(*clips, "--engine", "fake", "--output", tmp_path / "{stream}.mp4")
    assert done.returncode == 1  # one of three cannot be opened
    assert done.stderr.startswith(f"{clips[2]}: cannot be opened")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one_frame.mp4", "vfr.mp4"]
    assert times_by_ffprobe(tmp_path / "vfr.mp4") == times_by_ffprobe(clips[0])


MISUSED = {  # arguments: what the one line must say
    ("no_such.mp4",): "no_such.mp4: no such file",
    ("synthetic", "--conf", "1.5"): "--conf: 1.5 given: input should be less than or equal to 1",
    ("synthetic", "--model", "strett"): "unknown model 'strett'; did you mean 'street'?",
    ("synthetic", "--tracker", "bytetrak"): "did you mean 'bytetrack'?",
    ("synthetic", "--classes", "person,truck"): "no class 'truck'",
    ("synthetic", "--output", "out.xyz"): ".mp4",
    ("synthetic", "synthetic", "--output", "out.mp4"): "{stream}",
    ("synthetic", "--engine", "tensorflow"): "unknown engine 'tensorflow'",
    ("synthetic", "--imgsz", "640"): "was exported for 384x672",
    ("synthetic", "--config", "none.yaml"): "none.yaml",
    ("ftp://camera/1",): "no source reads 'ftp'",
}


@pytest.mark.parametrize("arguments", MISUSED, ids=" ".join)
def test_a_mistake_is_answered_with_one_line_and_exit_code_2(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 2, done.output
    assert MISUSED[arguments] in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_recording_is_never_its_own_output(data: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes((data / "awkward/one_frame.mp4").read_bytes())
    done = run(clip, "--output", clip)
    assert done.returncode == 2
    assert "is also a source" in done.stderr
    assert clip.read_bytes() == (data / "awkward/one_frame.mp4").read_bytes()


def test_a_config_that_was_printed_gives_the_same_config(tmp_path: Path) -> None:
    first = run("synthetic:7", "--conf", 0.4, "--tracker", "none", "--print-config")
    path = tmp_path / "run.yaml"
    path.write_text(first.stdout)
    assert run("--config", path, "--print-config").stdout == first.stdout


def test_the_schema_accepts_what_print_config_prints() -> None:
    schema = json.loads(run("--print-schema").stdout)
    config = yaml.safe_load(run("--print-config").stdout)
    jsonschema.validate(config, schema)


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    done = run("http://operator:hunter2@127.0.0.1:9/x.mp4", "--output", tmp_path / "o.mp4")
    assert done.returncode == 1
    printed = run("http://operator:hunter2@127.0.0.1:9/x.mp4", "--print-config")
    assert "hunter2" not in done.stdout + done.stderr + printed.stdout + printed.stderr


def test_help_loads_no_runtime() -> None:
    seen = subprocess.run(
        [sys.executable, "-X", "importtime", COMMAND[1], "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in seen.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {"torch", "openvino", "cv2", "av", "numpy", "pydantic"}
