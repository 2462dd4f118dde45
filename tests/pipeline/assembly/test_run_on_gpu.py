"""Whole runs in which frames stay in the memory of an imitated GPU, from decoder to engine."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

import pipeline.sources
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines import ENGINES, EngineEntry
from detector.engines.fake import FakeEngine
from detector.manifest import Manifest
from detector.weights.zoo import find_model
from pipeline import graph
from pipeline.assembly.run import build
from pipeline.config import RunConfig
from tests.support.blue_engine import BLUE, find_blue
from tests.support.cameras import until
from tests.support.fake_hardware import FakeHardware
from tests.support.gpu_clip import SOURCE, GpuClip
from tests.support.host_kernel import HostKernel
from tests.support.recordings import write_recording

SIZE = (512, 256)
FRAMES, GOP = 20, 12
MAX_BATCH = 8
UNSURE = 3  # frames before a track is confirmed
REORDERED = 2  # frames that the clip's decoder gives together at the end


def pictures() -> Iterator[UInt8Array]:
    """Yield frames of a rectangle that moves to the right."""
    for index in range(FRAMES):
        bgr = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
        left = 40 + 8 * index
        cv2.rectangle(bgr, (left, 100), (left + 60, 200), BLUE, cv2.FILLED)
        yield bgr


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> HostKernel:
    return HostKernel(tmp_path_factory.mktemp("kernel"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    return write_recording(folder / "clip.mp4", size=SIZE, pictures=pictures())


@pytest.fixture
def hardware(kernel: HostKernel, monkeypatch: pytest.MonkeyPatch) -> FakeHardware:
    made = FakeHardware(kernel=kernel)
    monkeypatch.setattr(GpuClip, "hardware", made, raising=False)
    return made


@dataclass
class Site:
    """Runs a clip with an engine that takes frames of a GPU, or one that does not.

    batches: sizes of the engine's; decoder: figures of the first stream's
    """

    clip: Path
    folder: Path
    batches: list[int] = field(default_factory=list)
    decoder: dict[str, Any] = field(default_factory=dict)
    at_first_result: Callable[[], object] = lambda: None

    def run(
        self, hardware: FakeHardware | None, *sources: object, ending: str = "jsonl", **more: Any
    ) -> None:
        """Run to the end; no frame may be missing in the ledger."""
        output = str(self.folder / f"{{stream}}.{ending}")
        urls = sources or ({"url": f"gpu:{self.clip}", "name": "clip"},)
        config = RunConfig.model_validate(
            {"sources": list(urls), "model": {"engine": "fake"}, "outputs": [output], **more}
        )
        manifest = Manifest.beside(find_model("street"))
        engine = FakeEngine(
            replace(manifest, max_batch=MAX_BATCH, dynamic_batch=True),
            answer=self._look,
            reader=hardware.read if hardware else None,
            before_result=self._wait,
        )
        run = build(config, engine=engine)
        run.pipeline.start()
        run.pipeline.join()
        assert run.pipeline.failures == []
        for stream in run.streams:
            assert run.pipeline.ledger.balance(stream.name).emitted == FRAMES
        decoder = run.streams[0].source.decoder
        assert decoder
        self.decoder = decoder.figures()

    def check_boxes(self, stream: str = "clip") -> None:
        """Check that each box is where the rectangle was drawn, to about a pixel of the input."""
        text = (self.folder / f"{stream}.jsonl").read_text()
        lines = [json.loads(line) for line in text.splitlines()]
        assert [line["index"] for line in lines] == list(range(FRAMES))
        for line in lines[UNSURE:]:
            left = 40 + 8 * line["index"]
            (box,) = (track["box"] for track in line["tracks"])
            assert np.abs(np.subtract(box, [left, 100, left + 61, 201])).max() < 3, line

    def _look(self, images: UInt8Array) -> Candidates:
        self.batches.append(len(images))
        return find_blue(images)

    def _wait(self, number: int) -> None:
        if number == 0:
            self.at_first_result()


@pytest.fixture
def site(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(pipeline.sources, "SOURCES", (SOURCE, *pipeline.sources.SOURCES))
    in_batches = EngineEntry("detector.engines.fake", faster_in_batches=True)
    monkeypatch.setitem(ENGINES, "fake", in_batches)
    return Site(clip, tmp_path)


def test_frames_go_from_the_decoder_to_the_engine_and_none_comes_to_the_host(
    site: Site, hardware: FakeHardware
) -> None:
    site.run(hardware)
    site.check_boxes()
    assert site.decoder == {"asked": "auto", "used": "cuda", "why": ""}
    assert hardware.downloads == 1  # for the proof
    gc.collect()
    assert hardware.surfaces == 0


def test_a_video_file_has_the_right_pixels_and_each_frame_comes_to_the_host_once(
    site: Site, hardware: FakeHardware
) -> None:
    site.run(hardware, ending="mp4")
    assert hardware.downloads == FRAMES  # the first is for the proof, and software gave that frame
    with av.open(str(site.clip)) as source, av.open(str(site.folder / "clip.mp4")) as written:
        pairs = list(zip(source.decode(video=0), written.decode(video=0), strict=True))
    assert len(pairs) == FRAMES
    for given, shown in pairs:
        first, second = (each.to_ndarray(format="bgr24").astype(int) for each in (given, shown))
        assert np.percentile(np.abs(first - second), 75) <= 4  # the rest is the box with its label


@pytest.mark.parametrize("fails_after", [1, GOP - 2, GOP + 1])
def test_no_frame_is_lost_when_the_decoder_breaks(
    site: Site, hardware: FakeHardware, fails_after: int
) -> None:
    hardware.fails_after, hardware.breaks = fails_after, 1
    site.run(hardware)
    site.check_boxes()
    gc.collect()
    assert hardware.surfaces == 0
    assert hardware.opened == 1 + (fails_after < GOP - 2)  # again at the next keyframe


def test_streams_on_the_gpu_and_others_share_an_engine(site: Site, hardware: FakeHardware) -> None:
    there = {"url": f"gpu:{site.clip}", "name": "there"}
    here = {"url": str(site.clip), "name": "here", "decoder": "software"}
    site.run(hardware, there, here)
    assert sum(site.batches) == 2 * FRAMES
    assert hardware.downloads <= 1 + MAX_BATCH  # one batch may have the seam to the GPU in it
    site.check_boxes("there")
    site.check_boxes("here")


@pytest.mark.parametrize("reason", ["the engine takes none", "the motion of the camera is wanted"])
def test_frames_come_to_the_host_at_once_if(
    site: Site, hardware: FakeHardware, reason: str
) -> None:
    moved = reason.startswith("the motion")
    site.run(hardware if moved else None, tracker={"name": "lane", "camera_motion": moved})
    site.check_boxes()
    assert site.decoder["used"] == "cuda" and hardware.most_surfaces == 0


def test_with_attention_each_frame_comes_to_the_host_once(
    site: Site, hardware: FakeHardware
) -> None:
    site.run(hardware, attention={"mode": "on"})
    assert hardware.downloads == FRAMES
    assert sum(site.batches) > 0


def test_frames_in_gpu_memory_are_no_more_than_the_queues_hold(
    site: Site, hardware: FakeHardware
) -> None:
    waiting = graph.DECODED + 2  # one is being decoded, one is at the engine, the others wait
    site.at_first_result = lambda: until(lambda: hardware.surfaces >= waiting)
    site.run(hardware)
    before = REORDERED + 1 + graph.DECODED
    shared = graph.CREDIT + len(os.sched_getaffinity(0))
    assert waiting <= hardware.most_surfaces <= before + shared + graph.SINK + 1
