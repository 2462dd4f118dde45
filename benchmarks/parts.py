"""The stages of a run one by one, a whole run, and the plain loop that it has to beat.

Each is measured in its own process (`python -m benchmarks.parts`): only the CPU time of a process
includes the threads of codecs and runtimes.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from time import monotonic, process_time
from typing import Any

import click
import cv2
import numpy as np

from benchmarks.machine import cores, idle_seconds
from benchmarks.material import BOXES
from detector.candidates import Candidates
from detector.detections import Detections, UInt8Array
from detector.engines import make_engine
from detector.hardware.openvino_core import CORE
from detector.manifest import Manifest
from pipeline.assembly.run import build
from pipeline.config import RunConfig
from pipeline.frames.batch import Inferred, Ready
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Tracked
from pipeline.frames.stream import Stream
from pipeline.process_settings import apply_process_settings
from pipeline.report.complaints import complaints
from pipeline.run import Run
from trackers.tracks import Tracks

WARM = 0.1  # share of the frames at either end that is not measured: queues fill and empty
RED = (0, 0, 255)
POLL = 0.02  # seconds between two checks of a run


@dataclass(frozen=True, slots=True)
class Task:
    """What to measure: the first `frames` of a clip; outputs go into `folder`.

    confidence: low enough for the random model to detect something
    """

    clip: Path
    model: Path
    confidence: float
    folder: Path
    frames: int

    def describe(self, clip: Path, output: str) -> Run:
        """Return a run from `clip` to a video in the folder, with default options."""
        config = {
            "sources": [{"url": str(clip), "name": "clip", "max_frames": self.frames}],
            "model": str(self.model),
            "detect": {"conf": self.confidence, "max_detections": BOXES},
            "outputs": [str(self.folder / output)],
        }
        apply_process_settings()
        return build(RunConfig.model_validate(config))


@dataclass(frozen=True, slots=True)
class Speed:
    """The speed of a part in steady state.

    cpu_ms: CPU milliseconds per frame, all threads
    cores: available to it: those it kept busy, and those that were idle
    """

    fps: float
    cpu_ms: float
    cores: float


Part = Callable[[Task], Iterator[int]]  # works, and yields the number of frames done so far


def decode(task: Task) -> Iterator[int]:
    """Demux and decode."""
    run = task.describe(task.clip, "none.mp4")
    for done, frame in enumerate(_decoded(run), 1):
        assert frame.picture.planes.size
        yield done


def engine(task: Task) -> Iterator[int]:
    """The engine with all of its slots busy."""
    height, width = Manifest.beside(task.model).input_size
    noise = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
    with closing(make_engine("openvino", task.model)) as opened:
        in_flight = deque(opened.submit(noise) for _ in range(opened.slots))
        for done in range(1, task.frames + 1):
            in_flight.popleft().result()
            in_flight.append(opened.submit(noise))
            yield done


def encode(task: Task) -> Iterator[int]:
    """The sink: BGR to YUV, x264, mux; its input is the output of `whole`."""
    drawn = _decoded(task.describe(task.folder / "whole.mp4", "none.mp4"))
    nothing = Tracks.untracked(Detections.empty())
    items = [Tracked(frame, nothing, frame.picture.planes) for frame in drawn]
    sink = task.describe(task.clip, "encode.mp4").streams[0].outputs[0].sink
    with closing(sink):
        sink.open()
        for done, item in enumerate(items, 1):
            sink.process(item)
            yield done
        sink.finish()


def whole(task: Task) -> Iterator[int]:
    """The pipeline, as the main command runs it."""
    run = task.describe(task.clip, "whole.mp4")
    run.pipeline.start()
    while not run.pipeline.wait(POLL):
        yield run.pipeline.ledger.balance("clip").emitted
    run.pipeline.join()
    if told := complaints(run.pipeline, run.streams):
        raise click.ClickException("; ".join(told))


def sequential(task: Task) -> Iterator[int]:
    """The same engine and tracker in the simplest loop, with OpenCV's reader and writer."""
    with closing(make_engine("openvino", task.model)) as opened:
        yield from _loop(task, lambda images: opened.submit(images).result())


def by_default(task: Task) -> Iterator[int]:
    """The same loop with OpenVINO's defaults: all cores on one frame."""
    yield from _loop(task, _plain_engine(task.model))


def _loop(task: Task, infer: Callable[[UInt8Array], Candidates]) -> Iterator[int]:
    run = task.describe(task.clip, "none.jsonl")  # the loop draws by itself
    cv2.setNumThreads(-1)  # OpenCV's default again: the pipeline sets one
    stages: dict[str, Any] = {worker.name: worker.stage for worker in run.pipeline.workers}
    capture = cv2.VideoCapture(str(task.clip))
    rate = capture.get(cv2.CAP_PROP_FPS)
    size = [
        int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    ]
    codec = cv2.VideoWriter.fourcc(*"mp4v")  # OpenCV's wheel has no H.264; this one is cheaper
    writer = cv2.VideoWriter(str(task.folder / "loop.mp4"), codec, rate, size)
    stream = Stream("clip", str(task.clip), 1 / Fraction(rate))
    for index in range(task.frames):
        read, bgr = capture.read()
        if not read:
            break
        image = Picture.of(np.asarray(bgr, np.uint8))
        frame = Frame(stream, index, index, index, stream.nominal_interval, monotonic(), image)
        (batch,) = stages["preprocess"].process(Ready((frame,)))
        (detected,) = stages["suppress"].process(Inferred(batch, infer(batch.images)))
        (tracked,) = stages["clip/track"].process(detected)
        _draw(np.asarray(bgr, np.uint8), tracked.tracks.confirmed)
        writer.write(bgr)
        yield index + 1
    writer.release()


def _draw(bgr: UInt8Array, tracks: Tracks) -> None:
    for box, identity in zip(tracks.boxes_xyxy.astype(int).tolist(), tracks.ids, strict=True):
        cv2.rectangle(bgr, box[:2], box[2:], RED, 2)
        cv2.putText(bgr, f"object {identity}", box[:2], cv2.FONT_HERSHEY_DUPLEX, 0.5, RED)


PARTS: dict[str, Part] = {
    part.__name__: part for part in (decode, engine, whole, encode, sequential, by_default)
}


def measure(part: Part, task: Task) -> Speed:
    """Process all frames, and return the speed without the first and the last ones."""
    marks = [(done, monotonic(), process_time(), idle_seconds()) for done in part(task)]
    ramp = WARM * task.frames
    steady = [mark for mark in marks if ramp <= mark[0] <= task.frames - ramp]
    frames, seconds, busy, idle = (
        last - first for first, last in zip(steady[0], steady[-1], strict=True)
    )
    there = min((busy + idle) / seconds, cores())
    return Speed(frames / seconds, 1e3 * busy / frames, there)


def _decoded(run: Run) -> Iterator[Frame]:
    """Yield the frames of a run's only stream, without running it."""
    stream = run.streams[0]
    with closing(stream.decode):
        stream.decode.open()
        for item in stream.source:
            yield from stream.decode.process(item)


def _plain_engine(model: Path) -> Callable[[UInt8Array], Candidates]:
    """Return a function that runs the model by one request, with OpenVINO's defaults."""
    network = CORE.read_model(model)
    network.reshape([1, *Manifest.beside(model).input_size, 3])
    request = CORE.compile_model(network, "CPU").create_infer_request()

    def infer(images: UInt8Array) -> Candidates:
        request.infer([images])
        return Candidates(*(request.get_output_tensor(i).data.copy() for i in range(2)))

    return infer


@click.command()
@click.argument("name", type=click.Choice(list(PARTS)))
@click.argument("clip", type=click.Path(path_type=Path))
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("confidence", type=float)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("frames", type=click.IntRange(1))
def main(name: str, clip: Path, model: Path, confidence: float, folder: Path, frames: int) -> None:
    """Measure one part and print its speed as JSON."""
    task = Task(clip, model, confidence, folder, frames)
    print(json.dumps(asdict(measure(PARTS[name], task))))


if __name__ == "__main__":
    main()
