"""Two passes over a recording: what was hidden for a moment is found, and marked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from detector.detections import UInt8Array
from detector.engines import ENGINES, EngineEntry
from pipeline.commands.framelane import main
from tests.support.blue_engine import BLUE
from tests.support.cameras import numbered_frame
from tests.support.ffmpeg import times_by_ffprobe
from tests.support.recordings import write_recording

SIZE = (512, 256)
FRAMES, STEP = 40, 8  # pixels to the right in each frame
HIDDEN = range(18, 26)


def left(index: int) -> int:
    return 40 + STEP * index


def pictures() -> Iterator[UInt8Array]:
    """Yield frames of a rectangle that moves, and is not seen for a moment."""
    for index in range(FRAMES):
        bgr = numbered_frame(index, SIZE)
        bgr[16:] = 90
        if index not in HIDDEN:
            cv2.rectangle(bgr, (left(index), 100), (left(index) + 60, 200), BLUE, cv2.FILLED)
        yield bgr


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hidden")
    return write_recording(folder / "clip.mp4", size=SIZE, pictures=pictures())


@pytest.fixture(autouse=True)
def _blue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "blue", EngineEntry("tests.support.blue_engine"))


def command(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, words), "--engine", "blue"])


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def check(folder: Path) -> None:
    """Check that the outputs show the object where it was drawn, and where it was hidden."""
    lines = lines_of(folder / "clip.jsonl")
    assert [line["index"] for line in lines] == list(range(FRAMES))
    for index, line in enumerate(lines):
        tracks = line["tracks"]
        assert isinstance(tracks, list) and len(tracks) == 1, index
        assert (tracks[0]["id"], tracks[0]["class"]) == (1, "person")
        expected = [left(index), 100, left(index) + 61, 201]
        assert np.abs(np.subtract(tracks[0]["box"], expected)).max() < 8, index
        mark = tracks[0]["mark"]
        assert mark != "detected" if index in HIDDEN else mark in ("detected", "linked"), index
    marks = {
        int(str(box.get("frame"))): box.findtext("attribute[@name='mark']")
        for box in ElementTree.parse(folder / "clip.cvat.xml").iter("box")
        if box.get("outside") == "0"
    }
    assert marks == {line["index"]: line["tracks"][0]["mark"] for line in lines}  # type: ignore[index]
    columns = [line.split(",") for line in (folder / "clip.txt").read_text().splitlines()]
    hidden = {int(row[0]) - 1 for row in columns if row[8] in ("2", "3")}
    assert hidden >= set(HIDDEN)
    assert len(times_by_ffprobe(folder / "clip.mp4")) == FRAMES


def test_run_refines(clip: Path, tmp_path: Path) -> None:
    outputs = [
        word
        for end in ("mp4", "jsonl", "txt", "cvat.xml")
        for word in ("--output", tmp_path / f"clip.{end}")
    ]
    done = command("run", clip, "--refine", *outputs)
    assert done.exit_code == 0, done.output
    assert re.search("pass 1 of 2: detect.*pass 2 of 2: write", done.output, re.DOTALL)
    check(tmp_path)


def test_without_it_the_hidden_object_is_not_in_the_output(clip: Path, tmp_path: Path) -> None:
    done = command("run", clip, "--output", tmp_path / "clip.jsonl")
    assert done.exit_code == 0, done.output
    lines = lines_of(tmp_path / "clip.jsonl")
    assert all(not lines[index]["tracks"] for index in HIDDEN)


def test_annotate_refines(clip: Path, tmp_path: Path) -> None:
    from pipeline.config import RunConfig
    from pipeline.library.executor import Ending, Job
    from pipeline.library.worker import Worker

    files = [str(tmp_path / f"clip.{end}") for end in ("mp4", "jsonl", "txt", "cvat.xml")]
    config = RunConfig.model_validate(
        {
            "sources": [str(clip)],
            "outputs": [f"output-{k}{Path(file).suffix}" for k, file in enumerate(files)],
            "model": {"engine": "blue"},
            "tracker": {"refine": True},
        }
    )
    job = Job(
        0, str(clip), config.model_dump(exclude_unset=True), tuple(files), known=None, attempt=1
    )
    worker = Worker(1)
    progress: list[int] = []
    outcome = worker.run(job, progress.append, lambda: False)
    worker.close()
    assert (outcome.ending, outcome.frames) == (Ending.DONE, FRAMES), outcome
    assert progress == sorted(progress), "the second pass goes on where the first ended"
    assert FRAMES // 2 in progress and progress[-1] == FRAMES
    check(tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rtsp://127.0.0.1:1/x"], "is live, but refinement reads a recording to its end first"),
        (["clip.mp4", "--realtime"], "is live, but refinement"),
        (["clip.mp4", "--tracker", "none"], "tracker 'none' finds no tracks"),
        (["clip.mp4", "--serve", "127.0.0.1:0"], "serve given, but nothing is live"),
    ],
)
def test_what_cannot_be_refined_is_refused(words: list[str], message: str, clip: Path) -> None:
    given = [str(clip) if word == "clip.mp4" else word for word in words]
    done = command("run", *given, "--refine", "--output", "x.jsonl")
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


def test_a_recording_that_breaks_in_the_first_pass_leaves_older_results(
    clip: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    output = tmp_path / "old.jsonl"
    output.write_text("kept\n")
    done = command("run", broken, "--refine", "--output", output)
    assert done.exit_code == 1
    assert "ended in the first of two passes: nothing was written" in done.output
    assert output.read_text() == "kept\n"
