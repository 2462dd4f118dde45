"""The synthetic street as data: a clip and its labels, in the layout that the trainer reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av

from detector.detections import UInt8Array
from pipeline.sources.street.world import Truth

CLASSES = ("person", "bicycle", "car")
_QUALITY = "18"  # x264's constant rate factor: nearly indistinguishable from the original


class Labelled(Protocol):
    """Frames by their number, with their ground truth."""

    interval: Fraction

    def draw(self, index: int) -> UInt8Array:
        """Return frame `index`, (h, w, 3) uint8 BGR."""

    def truth(self, index: int) -> Iterable[Truth]:
        """Return the visible objects of frame `index`."""


def write_clip(source: Labelled, folder: Path, name: str, frames: int) -> None:
    """Write `videos/<name>.mp4`, `gt/<name>.txt` and `classes.txt` into a data folder.

    gt: a line `frame,id,x,y,w,h,1,class,visibility` per object; frames from 1; x, y: top left
    """
    for part in ("videos", "gt"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    _write_video(source, folder / "videos" / f"{name}.mp4", frames)
    lines = [line for index in range(frames) for line in truth_lines(source, index)]
    (folder / "gt" / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


def _write_video(source: Labelled, path: Path, frames: int) -> None:
    unfinished = path.with_suffix(".partial")
    timescale = {"video_track_timescale": str(source.interval.denominator)}
    with av.open(str(unfinished), "w", format="mp4", options=timescale) as container:
        stream = container.add_stream("libx264", rate=1 / source.interval)
        first = source.draw(0)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = source.interval
        stream.options = {"crf": _QUALITY, "preset": "veryfast"}
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(source.draw(index), format="bgr24")
            frame.pts, frame.time_base = index, source.interval
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    unfinished.replace(path)


def truth_lines(source: Labelled, index: int) -> Iterator[str]:
    """Yield the lines of a frame in `gt/<name>.txt`."""
    for seen in sorted(source.truth(index), key=lambda seen: seen.id):
        x, y, width, height = seen.box_xywh
        yield (
            f"{index + 1},{seen.id},{x},{y},{width},{height},1,"
            f"{seen.class_id},{seen.visibility:.2f}\n"
        )
