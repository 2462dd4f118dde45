"""Tracked frames for tests of sinks, and ffprobe's view of the files that they write."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np

from detector.detections import UInt8Array
from pipeline.frames.fate import NotWritten, Ticket
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Tracked
from pipeline.frames.stream import Stream
from pipeline.sinks import Sink
from tests.support.ffmpeg import tool
from trackers.tracks import Tracks, TrackState

CLASSES = ("person", "bicycle", "car")


def tracks(*ids: int, state: TrackState = TrackState.CONFIRMED) -> Tracks:
    """Return a track of class `id % 3` for each id, each box one pixel to the right of the last."""
    n = len(ids)
    return Tracks(
        np.array([[10.126 + k, 20, 30.5 + k, 40] for k in range(n)], np.float32).reshape(n, 4),
        np.full(n, 0.87654, np.float32),
        np.array(ids, np.int64) % 3,
        np.array(ids, np.int64),
        np.full(n, state, np.int8),
    )


def noise(
    ticks: Iterable[int],
    time_base: Fraction,
    *,
    size: tuple[int, int] = (64, 48),
    interval: Fraction = Fraction(1, 25),
    audio_from: Path | None = None,
    seen: Tracks | None = None,
) -> Iterator[Tracked]:
    """Yield a frame of noise, which is hard to encode, at each of these times."""
    rng = np.random.default_rng(0)
    width, height = size
    stream = Stream("cam", "cam", interval, audio_from=str(audio_from) if audio_from else None)
    for index, tick in enumerate(ticks):
        bgr = rng.integers(0, 256, (height, width, 3), np.uint8)
        yield _tracked(stream, index, tick, time_base, bgr, seen)


def of_images(images: Iterable[UInt8Array]) -> Iterator[Tracked]:
    """Yield a frame for each (h, w, 3) BGR image, at 25 per second."""
    stream = Stream("cam", "cam", Fraction(1, 25))
    for index, bgr in enumerate(images):
        yield _tracked(stream, index, index, Fraction(1, 25), bgr, None)


def of_clip(clip: Path, limit: int | None = None) -> Iterator[Tracked]:
    """Yield the frames of a clip with increasing times, read with plain PyAV."""
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        assert video.average_rate and video.time_base
        stream = Stream(clip.stem, str(clip), 1 / video.average_rate)
        for index, frame in enumerate(islice(container.decode(video), limit)):
            assert frame.pts is not None
            bgr = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            yield _tracked(stream, index, frame.pts, video.time_base, bgr, None)


def _tracked(
    stream: Stream, index: int, tick: int, base: Fraction, bgr: UInt8Array, seen: Tracks | None
) -> Tracked:
    bgr.flags.writeable = False
    frame = Frame(stream, index, tick, tick, base, float(index), Picture.of(bgr))
    return Tracked(frame, tracks() if seen is None else seen, frame.picture.planes)


def record(sink: Sink, items: Iterable[Tracked]) -> tuple[list[Ticket], list[Ticket]]:
    """Run a sink to its end; return the tickets that went in, and those that it returned."""
    sent: list[Ticket] = []
    done: list[Ticket | NotWritten] = []
    sink.open()
    try:
        for item in items:
            sent.append(item.frame.ticket)
            done += sink.process(item)
        done += sink.finish()
    finally:
        sink.close()
    written = [ticket for ticket in done if isinstance(ticket, Ticket)]
    assert len(written) == len(done), "a frame was left out"
    return sent, written


def probe(file: Path, *what: str) -> dict[str, Any]:
    """Return ffprobe's output, which must be without complaints."""
    tool("ffprobe", "-version")  # skips if it is not installed
    done = subprocess.run(
        ["ffprobe", "-v", "error", *what, "-of", "json", str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def times(file: Path) -> list[Fraction]:
    """Return the times of the frames that ffprobe decodes."""
    shown = probe(file, "-select_streams", "v:0", "-show_entries", "frame=pts:stream=time_base")
    time_base = Fraction(shown["streams"][0]["time_base"])
    return [int(frame["pts"]) * time_base for frame in shown["frames"]]


def packets(file: Path, streams: str) -> dict[int, list[tuple[Fraction, str]]]:
    """Return time and hash of every packet of the streams that ffprobe selects, by stream."""
    entries = "packet=stream_index,pts,data_hash:stream=index,time_base"
    hashes = ("-show_data_hash", "md5")
    shown = probe(file, "-select_streams", streams, *hashes, "-show_entries", entries)
    bases = {stream["index"]: Fraction(stream["time_base"]) for stream in shown["streams"]}
    found: dict[int, list[tuple[Fraction, str]]] = {index: [] for index in bases}
    for packet in shown["packets"]:
        index = packet["stream_index"]
        found[index].append((packet["pts"] * bases[index], packet["data_hash"]))
    return found
