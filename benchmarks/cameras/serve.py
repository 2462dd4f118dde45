"""The process that serves the cameras."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cameras.clip import Clip, Shown, shown_by
from pipeline.gstreamer.system_python import SYSTEM_PYTHON


@dataclass(frozen=True, slots=True)
class Cameras:
    """Cameras, and the process that serves them.

    shown, urls: one for each camera
    """

    shown: Sequence[Shown]
    urls: Sequence[str]
    process: int

    def cpu_seconds(self) -> float:
        """Return what the cameras have used so far."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def cameras(clips: Sequence[Clip], count: int) -> Iterator[Cameras]:
    """Serve cameras that take the clips in turn, until the block ends."""
    script = Path(__file__).with_name("rtsp_cameras.py")
    arguments = [str(each) for clip in clips for each in (clip.units, clip.fps)]
    with subprocess.Popen(
        [SYSTEM_PYTHON, str(script), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout
        server = f"rtsp://127.0.0.1:{int(process.stdout.readline())}"
        shown = shown_by(count, clips)
        urls = [f"{server}/{clips.index(each.clip)}/{each.start}" for each in shown]
        try:
            yield Cameras(shown, urls, process.pid)
        finally:
            process.stdin.close()
