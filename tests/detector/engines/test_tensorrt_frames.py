"""Frames in GPU memory go through the slots in the right order, and are released when done."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines.tensorrt import TensorRtEngine
from detector.errors import FramelaneError
from detector.hardware.cuda_driver import CudaError
from detector.kernels.device_frame import DeviceFrame
from detector.letterbox import Letterbox
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from tests.support.cuda_twin import CudaTwin, DeviceBufferTwin, PlanTwin, StreamTwin
from tests.support.fake_manifest import fake_manifest

SIZE, ROWS = (24, 32), 5
MANIFEST = replace(fake_manifest(SIZE, max_batch=4), top_k=ROWS)
SHAPES = [(36, 64), (24, 32), (25, 19), (48, 30)]  # of the frames of a batch


class Surface:
    """Memory of a decoder, given back when nothing refers to it."""

    def __init__(self, cuda: CudaTwin, size: int) -> None:
        with cuda.activated():
            self.memory = DeviceBufferTwin(cuda, size)
        weakref.finalize(self, release, cuda, self.memory)


def release(cuda: CudaTwin, memory: DeviceBufferTwin) -> None:
    """Give memory back; a decoder has its own reference to the context."""
    cuda.held.remove(memory)
    del cuda.memory[memory.address]


class DecoderTwin:
    """A decoder on a stream of its own, which writes its frames as late as it may."""

    def __init__(self, cuda: CudaTwin) -> None:
        self._cuda = cuda
        with cuda.activated():
            self.stream: StreamTwin = cuda.stream()

    def decode(self, planes: Planes) -> DeviceFrame:
        """Return a frame whose memory is written when its stream gets to it."""
        height, width = planes.size
        rows, columns = planes.cb.shape
        pitch = width + 11
        surface = Surface(self._cuda, (height + rows) * pitch)
        address = surface.memory.address
        content = np.zeros((height + rows, pitch), np.uint8)
        content[:height, :width] = planes.luma
        content[height:, 0 : 2 * columns : 2] = planes.cb
        content[height:, 1 : 2 * columns : 2] = planes.cr
        cuda, written = self._cuda, content.tobytes()

        def write() -> None:
            cuda.bytes_at(address, len(written))[:] = written

        self.stream.put(write)
        return DeviceFrame(
            address,
            pitch,
            address + height * pitch,
            pitch,
            width,
            height,
            planes.space,
            self.stream.handle,
            owner=surface,
        )

    def close(self) -> None:
        """Finish, and release the stream."""
        with self._cuda.activated():
            self.stream.mark()
            self.stream.wait()
            self.stream.close()


def some_pixels(images: UInt8Array) -> Candidates:
    """Return pixels of the middle of each image as boxes and scores, to tell images apart."""
    n = len(images)
    rows = images.reshape(n, -1)[:, SIZE[0] * SIZE[1] * 3 // 2 :]
    boxes = rows[:, : ROWS * 4].reshape(n, ROWS, 4)
    scores = rows[:, :ROWS].reshape(n, ROWS, 1)
    return Candidates(boxes.astype(np.float32), scores.astype(np.float32))


def opened(
    cuda: CudaTwin, *, graphs: bool = True, slots: int = 2
) -> tuple[TensorRtEngine, PlanTwin]:
    plans: list[PlanTwin] = []

    def load() -> PlanTwin:
        plans.append(PlanTwin(cuda, some_pixels))
        return plans[0]

    engine = TensorRtEngine(MANIFEST, cuda, load, slots=slots, graphs=graphs, device_frames=True)
    return engine, plans[0]


def noise(seed: int, count: int) -> list[Planes]:
    random = np.random.default_rng(seed)
    found = []
    for height, width in SHAPES[:count]:
        half = ((height + 1) // 2, (width + 1) // 2)
        parts = [random.integers(0, 256, each, np.uint8) for each in ((height, width), half, half)]
        found.append(Planes(ColourSpace(), *parts))
    return found


def letterboxes(pictures: Sequence[Planes]) -> list[Letterbox]:
    return [Letterbox.fit(planes.size, SIZE) for planes in pictures]


def expected(pictures: Sequence[Planes]) -> Candidates:
    fitted = zip(letterboxes(pictures), pictures, strict=True)
    return some_pixels(np.stack([each.apply_to_planes(planes) for each, planes in fitted]))


def assert_same(found: Candidates, wanted: Candidates) -> None:
    np.testing.assert_array_equal(found.boxes_xyxy, wanted.boxes_xyxy)
    np.testing.assert_array_equal(found.scores, wanted.scores)


@pytest.mark.parametrize("graphs", [True, False])
def test_frames_are_read_after_the_decoder_wrote_them_and_before_they_are_given_back(
    graphs: bool,
) -> None:
    cuda = CudaTwin()
    engine, _ = opened(cuda, graphs=graphs)
    decoders = [DecoderTwin(cuda), DecoderTwin(cuda)]
    in_flight = []
    for turn in range(6):
        pictures = noise(turn, 1 + turn % 4)
        frames = [decoders[n % 2].decode(planes) for n, planes in enumerate(pictures)]
        in_flight.append((engine.submit_frames(frames, letterboxes(pictures)), pictures))
        del frames
        gc.collect()  # only the slot keeps them
        if len(in_flight) == engine.slots:
            pending, shown = in_flight.pop(0)
            assert_same(pending.result(), expected(shown))
    for pending, shown in in_flight:
        assert_same(pending.result(), expected(shown))
    for decoder in decoders:
        decoder.close()
    engine.close()
    gc.collect()
    assert cuda.held == []


def test_batches_of_images_and_of_frames_take_turns_in_one_slot() -> None:
    cuda = CudaTwin()
    engine, _ = opened(cuda, slots=1)
    decoder = DecoderTwin(cuda)
    for turn in range(4):
        pictures = noise(turn, 3)
        images = np.random.default_rng(turn).integers(0, 256, (2, *SIZE, 3), np.uint8)
        frames = [decoder.decode(planes) for planes in pictures]
        found = engine.submit_frames(frames, letterboxes(pictures)).result()
        assert_same(found, expected(pictures))
        assert_same(engine.submit(images).result(), some_pixels(images))
    engine.close()


def test_no_copy_to_the_gpu_is_made_for_frames() -> None:
    cuda = CudaTwin()
    engine, _ = opened(cuda, graphs=False)
    decoder = DecoderTwin(cuda)
    pictures = noise(0, 2)
    frames = [decoder.decode(planes) for planes in pictures]
    before = list(cuda.called)
    engine.submit_frames(frames, letterboxes(pictures)).result()
    made = cuda.called[len(before) :]
    assert "memcpy_htod_async" not in made
    assert made.count("cuLaunchKernel") == 2 and made.count("cuStreamWaitEvent") == 1
    engine.close()


@pytest.mark.parametrize("graphs", [True, False])
def test_a_failure_at_any_call_of_the_start_releases_everything(graphs: bool) -> None:
    started, number = False, 0
    while not started:
        cuda = CudaTwin(fails_at=number)
        try:
            engine, _ = opened(cuda, graphs=graphs)
        except FramelaneError:
            pass  # the scripted failure
        else:
            started = True
            engine.close()
        assert cuda.held == [], f"after call {number} failed"
        number += 1
    assert number > 60


# one stream to follow, three kernels, then the graph or its three parts, the mark and the wait
@pytest.mark.parametrize(("graphs", "calls"), [(True, 7), (False, 9)])
def test_after_any_failed_call_frames_live_until_the_gpu_is_done_and_the_next_batch_is_right(
    graphs: bool, calls: int
) -> None:
    for number in range(calls + 1):
        cuda = CudaTwin()
        engine, _ = opened(cuda, graphs=graphs, slots=1)
        decoder = DecoderTwin(cuda)
        pictures, following = noise(number, 3), noise(50 + number, 4)
        batches = [[decoder.decode(planes) for planes in each] for each in (pictures, following)]
        if number < calls:
            cuda.fails_at = cuda.calls + number
            with pytest.raises(CudaError):
                engine.submit_frames(batches.pop(0), letterboxes(pictures)).result()
        else:
            found = engine.submit_frames(batches.pop(0), letterboxes(pictures)).result()
            assert_same(found, expected(pictures))
        gc.collect()
        found = engine.submit_frames(batches.pop(0), letterboxes(following)).result()
        assert_same(found, expected(following))
        decoder.close()
        engine.close()
        gc.collect()
        assert cuda.held == [], f"after call {number} failed"


def test_an_engine_that_was_not_opened_for_frames_compiles_no_kernel() -> None:
    cuda = CudaTwin()
    engine = TensorRtEngine(MANIFEST, cuda, lambda: PlanTwin(cuda, some_pixels))
    assert "SourceModule" not in cuda.called
    engine.close()
