"""What the cameras show: a synthetic street that is quiet for 70 % of each minute."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.attention.calm_street import CalmStreet
from pipeline.gstreamer.system_python import SYSTEM_PYTHON
from pipeline.sources.street.labelled_clip import truth_lines
from tests.support.cameras import FPS, require_gstreamer, write_units
from tests.support.paths import ROOT
from trackers.motchallenge.text import MotRows, read_mot

SIZES = {"768x432": (768, 432), "1920x1080": (1920, 1080)}
SECONDS = 60  # of the clip: one busy part
SEED = 5
GOP = FPS  # frames
MAX_IDS = 1_000_000  # of the clip: in the next lap, its objects are others
FOLDER = Path(ROOT, "build", "bench", "cameras")


@dataclass(frozen=True, slots=True)
class Material:
    """The access units that all cameras send, each from another place, and their truth."""

    units: Path
    truth: Path

    def starts(self, cameras: int) -> list[int]:
        """Return from which frame of the clip each camera starts: as far apart as can be."""
        keyframes = SECONDS * FPS // GOP
        return [k * keyframes // cameras * GOP for k in range(cameras)]

    def rows(self, start: int, frames: int) -> MotRows:
        """Return the true boxes of a camera's first frames, which are numbered from 1."""
        clip, period = read_mot(self.truth, with_classes=True), SECONDS * FPS
        laps = range(1 + (start + frames) // period)
        return MotRows(
            np.concatenate([clip.frames + lap * period - start for lap in laps]),
            np.concatenate([clip.ids + lap * MAX_IDS for lap in laps]),
            np.concatenate([clip.boxes_xyxy for _ in laps]),
            np.concatenate([clip.scores for _ in laps]),
            np.concatenate([clip.class_ids for _ in laps]),
        )


def material(size: str) -> Material:
    """Return the clip of a size; drawn once."""
    require_gstreamer()
    found = Material(FOLDER / f"{size}.units", FOLDER / f"{size}.txt")
    if not found.units.is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        street = CalmStreet(SEED, SIZES[size], period=SECONDS)
        frames = range(SECONDS * FPS)
        found.truth.write_text("".join(line for k in frames for line in truth_lines(street, k)))
        partial = write_units(found.units.with_suffix(".partial"), map(street.draw, frames), GOP)
        partial.rename(found.units)
    return found


@dataclass(frozen=True, slots=True)
class Cameras:
    """The process that serves the cameras.

    urls: one for each camera
    """

    urls: Sequence[str]
    process: int

    def cpu_seconds(self) -> float:
        """Return what the cameras have used so far."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def cameras(shown: Material, count: int) -> Iterator[Cameras]:
    """Serve cameras until the block ends."""
    script = Path(__file__).with_name("rtsp_cameras.py")
    with subprocess.Popen(
        [SYSTEM_PYTHON, str(script), str(shown.units), str(FPS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout
        port = int(process.stdout.readline())
        urls = [f"rtsp://127.0.0.1:{port}/{start}" for start in shown.starts(count)]
        try:
            yield Cameras(urls, process.pid)
        finally:
            process.stdin.close()
