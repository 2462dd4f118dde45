"""The lines about video of the GPU benchmark, with the CPU in the GPU's place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.gpu_video import OPENERS, cameras, decoding, decoding_and_engine
from detector.cache import CacheKey
from detector.engines import Pending
from detector.engines.fake import open_engine
from detector.hardware.cuda_driver import find_gpus
from detector.kernels.device_frame import DeviceFrame, arguments
from detector.letterbox import Letterbox
from tests.benchmarks.conftest import FRAMES
from tests.support.fake_hardware import GPU, FakeHardware


class CountingEngine:
    """An engine that takes frames, and keeps what it was given."""

    def __init__(self, model: Path) -> None:
        self._engine = open_engine(model)
        self.manifest, self.slots = self._engine.manifest, 2
        self.precision = self._engine.precision
        self.key: CacheKey | None = None
        self.gpu: int | None = GPU
        self.frames: list[DeviceFrame] = []
        self.submit, self.close = self._engine.submit, self._engine.close

    def submit_frames(
        self, frames: Sequence[DeviceFrame], letterboxes: Sequence[Letterbox]
    ) -> Pending:
        """Note the frames; answer as for black images."""
        self.frames += frames
        for frame, letterbox in zip(frames, letterboxes, strict=True):
            assert arguments(frame, letterbox, 1)
        return self.submit(np.zeros((len(frames), *self.manifest.input_size, 3), np.uint8))


def test_each_way_of_decoding_has_a_speed_or_a_reason(clip: Path) -> None:
    lines = list(decoding(clip))
    assert [line.what.rpartition(": ")[2] for line in lines] == list(OPENERS)
    assert "frames/s" in lines[0].found
    if not find_gpus():
        assert all(line.found.startswith("not here: ") for line in lines[1:])


def test_every_frame_goes_from_the_decoder_to_the_engine(clip: Path, model: Path) -> None:
    engine = CountingEngine(model)
    gpu = FakeHardware()
    line = decoding_and_engine(
        "fake", engine, clip, lambda like: gpu.open("cuda", like, {}, GPU), 1000.0, gpu
    )
    assert "frames/s; the engine alone 1000: " in line.found and len(engine.frames) == FRAMES
    planar = decoding_and_engine("fake", engine, clip, lambda like: like, alone=1000.0)
    assert planar.holds is False and "the kernel does not take" in planar.found


def test_a_whole_run_says_what_decoded_it_and_how_many_cameras_it_serves(
    clip: Path, model: Path, tmp_path: Path
) -> None:
    line = cameras("openvino", model, clip, tmp_path, alone=1.0, streams=2, decoder="software")
    assert (
        "decoded by software, all on the host: " in line.found
        and " cameras of 30 frames/s" in line.found
    )
    assert line.holds is True
    written = sorted(tmp_path.glob("*.jsonl"))
    assert [len(path.read_text().splitlines()) for path in written] == [FRAMES, FRAMES]
