"""Tracked frames for the tests of sinks, and what ffprobe says of the files they become."""

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
from pipeline.frame import Frame, NotWritten, Picture, Stream, Ticket, Tracked
from pipeline.sinks import Sink
from tests.support.ffmpeg import tool
from trackers.tracks import Tracks, TrackState

CLASSES = ("person", "bicycle", "car")


def tracks(*ids: int, state: TrackState = TrackState.CONFIRMED) -> Tracks:
    """Return a track of class `id % 3` for each id, its box one pixel further than the last."""
    n = len(ids)
    return Tracks(
        np.array([[10.126 + k, 20, 30.5 + k, 40] for k in range(n)], np.float32).reshape(n, 4),
        np.full(n, 0.87654, np.float32),
        np.array(ids, np.int64) % 3,
        np.array(ids, np.int64),
        np.full(n, state, np.int8),
    )


def drawn(
    ticks: Iterable[int],
    time_base: Fraction,
    *,
    size: tuple[int, int] = (64, 48),
    interval: Fraction = Fraction(1, 25),
    audio_from: Path | None = None,
    seen: Tracks | None = None,
) -> Iterator[Tracked]:
    """Yield a frame of noise, hard to encode, at each of the given times."""
    rng = np.random.default_rng(0)
    width, height = size
    stream = Stream("cam", "cam", interval, audio_from=str(audio_from) if audio_from else None)
    for index, tick in enumerate(ticks):
        bgr = rng.integers(0, 256, (height, width, 3), np.uint8)
        yield _tracked(stream, index, tick, time_base, bgr, seen)


def shown(pictures: Iterable[UInt8Array]) -> Iterator[Tracked]:
    """Yield a frame for each (h, w, 3) BGR picture, at 25 a second."""
    stream = Stream("cam", "cam", Fraction(1, 25))
    for index, bgr in enumerate(pictures):
        yield _tracked(stream, index, index, Fraction(1, 25), bgr, None)


def decoded(clip: Path, limit: int | None = None) -> Iterator[Tracked]:
    """Yield the frames of a clip whose times are in order, read by nothing but PyAV."""
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        assert video.average_rate and video.time_base
        stream = Stream(clip.stem, str(clip), 1 / video.average_rate)
        for index, picture in enumerate(islice(container.decode(video), limit)):
            assert picture.pts is not None
            bgr = np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
            yield _tracked(stream, index, picture.pts, video.time_base, bgr, None)


def _tracked(
    stream: Stream, index: int, tick: int, base: Fraction, bgr: UInt8Array, seen: Tracks | None
) -> Tracked:
    bgr.flags.writeable = False
    frame = Frame(stream, index, tick, tick, base, float(index), Picture.of(bgr))
    return Tracked(frame, tracks() if seen is None else seen, bgr)


def record(sink: Sink, items: Iterable[Tracked]) -> tuple[list[Ticket], list[Ticket]]:
    """Run a sink to its good end; return the tickets that went in, and those that came out."""
    given: list[Ticket] = []
    done: list[Ticket | NotWritten] = []
    sink.open()
    try:
        for item in items:
            given.append(item.frame.ticket)
            done += sink.process(item)
        done += sink.finish()
    finally:
        sink.close()
    written = [ticket for ticket in done if isinstance(ticket, Ticket)]
    assert len(written) == len(done), "a frame was left out"
    return given, written


def probe(file: Path, *what: str) -> dict[str, Any]:
    """Return what ffprobe says, which has nothing to complain of."""
    tool("ffprobe", "-version")  # skips where there is none
    done = subprocess.run(
        ["ffprobe", "-v", "error", *what, "-of", "json", str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def times(file: Path) -> list[Fraction]:
    """Return the times of the pictures that ffprobe decodes."""
    said = probe(file, "-select_streams", "v:0", "-show_entries", "frame=pts:stream=time_base")
    time_base = Fraction(said["streams"][0]["time_base"])
    return [int(frame["pts"]) * time_base for frame in said["frames"]]


def packets(file: Path, streams: str) -> dict[int, list[tuple[Fraction, str]]]:
    """Return time and hash of every packet of the streams that ffprobe selects, by stream."""
    shown = "packet=stream_index,pts,data_hash:stream=index,time_base"
    said = probe(file, "-select_streams", streams, "-show_data_hash", "md5", "-show_entries", shown)
    bases = {stream["index"]: Fraction(stream["time_base"]) for stream in said["streams"]}
    found: dict[int, list[tuple[Fraction, str]]] = {index: [] for index in bases}
    for packet in said["packets"]:
        index = packet["stream_index"]
        found[index].append((packet["pts"] * bases[index], packet["data_hash"]))
    return found
