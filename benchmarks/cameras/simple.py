"""What simpler programs do: only decode, or detect five times a second in every camera.

One thread decodes each camera, by FFmpeg alone. This is how such programs are usually written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from time import monotonic, process_time
from typing import Any

import av
import numpy as np

from benchmarks.cameras.clip import Clip
from benchmarks.cameras.serve import cameras
from benchmarks.cameras.trial import SETTLE_SECONDS, Camera, Trial
from detector.engines import make_engine
from detector.letterbox import Letterbox
from detector.manifest import Manifest
from detector.nms import suppress
from detector.weights.zoo import find_model
from tests.support.cameras import until

DETECTED_FPS = 5.0
OPTIONS = {"rtsp_transport": "tcp", "fflags": "nobuffer"}


class Reader:
    """Decodes a camera on a thread of its own.

    newest: the last frame, and when it would have come had nothing delayed it
    """

    def __init__(self, url: str) -> None:
        self.newest: tuple[Any, float] | None = None
        self.latencies: list[float] = []
        self._url = url
        self._began_at = np.inf  # of the clip, for the frame that was delayed least
        self._stop = Event()
        self._thread = Thread(target=self._read)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        with av.open(self._url, options=OPTIONS, timeout=20) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                now = monotonic()
                self._began_at = min(self._began_at, now - frame.time)
                due = self._began_at + frame.time
                self.newest = frame, due
                self.latencies.append(now - due)
                if self._stop.is_set():
                    return


@contextmanager
def _reading(urls: Sequence[str]) -> Iterator[list[Reader]]:
    """Decode cameras; each has sent frames for a while when the block begins."""
    with ExitStack() as stack:
        readers = [Reader(url) for url in urls]
        for reader in readers:
            stack.callback(reader.stop)
        until(lambda: all(reader.newest for reader in readers))
        Event().wait(SETTLE_SECONDS)
        yield readers


def decode_only(clips: Sequence[Clip], count: int, seconds: float) -> Trial:
    """Return what becomes of the frames if nothing but decoding is done."""
    with cameras(clips, count) as served, _reading(served.urls) as readers:
        cpu, used, began = served.cpu_seconds(), process_time(), monotonic()
        before = [len(reader.latencies) for reader in readers]
        Event().wait(seconds)
        found = [
            _camera(float(shown.clip.fps), reader.latencies[first:])
            for shown, reader, first in zip(served.shown, readers, before, strict=True)
        ]
        elapsed = monotonic() - began
        cores = (process_time() - used) / elapsed
        return Trial(found, elapsed, cores, (served.cpu_seconds() - cpu) / elapsed)


def detect_at_5_fps(clips: Sequence[Clip], count: int, seconds: float) -> Trial:
    """Return what becomes of the frames that a plain loop detects, each camera in its turn."""
    model = find_model("street")
    size = Manifest.beside(model).input_size
    engine = make_engine("openvino", model)
    latencies: list[list[float]] = [[] for _ in range(count)]
    try:
        with cameras(clips, count) as served, _reading(served.urls) as readers:
            cpu, used, began = served.cpu_seconds(), process_time(), monotonic()
            due = [began + k / count / DETECTED_FPS for k in range(count)]
            while (now := monotonic()) < began + seconds:
                place = int(np.argmin(due))
                if due[place] > now:
                    Event().wait(due[place] - now)
                frame, arrived_at = readers[place].newest or (None, 0.0)
                _detect(engine, frame, size)
                latencies[place].append(monotonic() - arrived_at)
                due[place] = max(due[place] + 1 / DETECTED_FPS, now - 1 / DETECTED_FPS)
            elapsed = monotonic() - began
            cores = (process_time() - used) / elapsed
            cpu = (served.cpu_seconds() - cpu) / elapsed
    finally:
        engine.close()
    return Trial([_camera(DETECTED_FPS, each) for each in latencies], elapsed, cores, cpu)


def _detect(engine: Any, frame: Any, size: tuple[int, int]) -> None:
    bgr = frame.to_ndarray(format="bgr24")
    image = Letterbox.fit(bgr.shape[:2], size).apply(bgr)
    candidates = engine.submit(np.ascontiguousarray(image[None, :, :, ::-1])).result()
    suppress(
        candidates.boxes_xyxy[0],
        candidates.scores[0],
        confidence=0.25,
        iou=0.45,
        classes=None,
        agnostic=False,
        max_detections=300,
    )


def _camera(fps: float, latencies: Sequence[float]) -> Camera:
    p99 = float(np.percentile(latencies, 99)) if latencies else float("inf")
    return Camera(fps, len(latencies), 0, p99)
