"""Preprocessing: frames of any size become one RGB batch, in order."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation

from detector.acceptance.agreement import compare
from detector.detections import UInt8Array
from detector.engines import make_engine
from detector.kernels.device_frame import DeviceFrame
from detector.letterbox import PAD_VALUE, Letterbox
from detector.tolerance import usual_tolerances
from detector.weights.zoo import find_model
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from pipeline.frames.batch import Batch, Ready
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.stream import Stream
from pipeline.sources.conversion import FrameConverter
from pipeline.stages.preprocess import Preprocess
from tests.support.fake_hardware import FakeHardware
from tests.support.host_kernel import HostKernel

EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
STREAM = Stream("street", "street.mp4", Fraction(1, 25))


def frame(index: int, bgr: UInt8Array) -> Frame:
    return Frame(STREAM, index, index, index, Fraction(1, 25), 0.0, Picture.of(bgr))


def plain(height: int, width: int, bgr: tuple[int, int, int]) -> UInt8Array:
    return np.full((height, width, 3), bgr, np.uint8)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> HostKernel:
    return HostKernel(tmp_path_factory.mktemp("kernel"))


def batch_of(*images: UInt8Array) -> Batch:
    ready = Ready(tuple(frame(index, bgr) for index, bgr in enumerate(images)))
    (batch,) = Preprocess((64, 96)).process(ready)
    return batch


def images_of(batch: Batch) -> UInt8Array:
    assert batch.images is not None
    return batch.images


def test_bgr_frames_become_rgb_images_with_grey_padding() -> None:
    batch = batch_of(plain(432, 768, (10, 20, 30)))
    expected = np.full((1, 64, 96, 3), PAD_VALUE, np.uint8)
    expected[:, 5:59] = (30, 20, 10)  # 432 / 768 x 96 = 54 rows, centred
    np.testing.assert_array_equal(batch.images, expected)


def test_the_channels_are_reversed_and_otherwise_unchanged() -> None:
    bgr = np.zeros((64, 96, 3), np.uint8)
    bgr[:32, :, 0], bgr[:, :48, 1], bgr[32:, 48:, 2] = 200, 150, 100
    np.testing.assert_array_equal(images_of(batch_of(bgr))[0], bgr[..., ::-1])


def test_frames_of_different_sizes_share_a_batch_each_with_its_own_letterbox() -> None:
    batch = batch_of(plain(432, 768, (1, 1, 1)), plain(480, 360, (2, 2, 2)))
    assert [f.index for f in batch.frames] == [0, 1]
    assert [box.source for box in batch.letterboxes] == [(432, 768), (480, 360)]
    assert images_of(batch)[0, 32, 48].tolist() == [1, 1, 1]
    assert images_of(batch)[1, 32, 48].tolist() == [2, 2, 2]


def test_the_batch_is_read_only_and_the_source_is_unchanged() -> None:
    bgr = plain(100, 100, (1, 2, 3))
    batch = batch_of(bgr)
    assert (bgr == (1, 2, 3)).all()
    with pytest.raises(ValueError, match="read-only"):
        images_of(batch)[:] = 0


def of_picture(picture: Picture, size: tuple[int, int]) -> UInt8Array:
    """Return what the network gets of a picture."""
    one = Frame(STREAM, 0, 0, 0, Fraction(1, 25), 0.0, picture)
    (batch,) = Preprocess(size).process(Ready((one,)))
    return np.asarray(images_of(batch)[0], np.uint8)


def scene(height: int, width: int) -> UInt8Array:
    """Return coloured rectangles and slopes."""
    down, across = np.mgrid[:height, :width]
    image = np.dstack([across * 255 // width, down * 255 // height, 255 - across * 255 // width])
    image[height // 4 : height // 2, width // 4 : width // 2] = (30, 160, 230)
    return image.astype(np.uint8)


@pytest.mark.parametrize("source", [(432, 768), (1080, 1920), (359, 479), (480, 270)])
@pytest.mark.parametrize(("matrix", "full"), [(1, False), (5, False), (9, False), (1, True)])
def test_planes_become_the_same_input_as_an_exact_conversion(
    source: tuple[int, int], matrix: int, full: bool
) -> None:
    frame = av.VideoFrame.from_ndarray(scene(*source), "bgr24").reformat(
        format="yuvj420p" if full else "yuv420p", dst_colorspace=matrix, interpolation=EXACT
    )
    frame.colorspace = matrix
    decoded = FrameConverter("cam").picture(frame)
    assert decoded.has_planes and decoded.space == ColourSpace(matrix, full)
    exact = np.asarray(frame.reformat(format="bgr24", interpolation=EXACT).to_ndarray(), np.uint8)
    off = np.abs(
        of_picture(decoded, (384, 640)).astype(int) - of_picture(Picture.of(exact), (384, 640))
    )
    assert off.mean() < 1 and np.percentile(off, 99) <= 12  # at the edges of the rectangle


def test_a_picture_with_planes_is_not_converted_to_bgr(data: Path) -> None:
    with av.open(str(data / "street/videos/car-detection.mp4")) as container:
        planes = FrameConverter("cam").picture(next(container.decode(video=0))).planes

    def to_bgr() -> UInt8Array:
        raise AssertionError("nobody asks for BGR")

    height, width = planes.size
    picture = Picture(width, height, to_bgr, to_planes=lambda: planes, space=planes.space)
    assert of_picture(picture, (384, 640)).shape == (384, 640, 3)


def test_the_detector_finds_the_same_in_planes_and_in_bgr(data: Path) -> None:
    """A grey level more or less moves scores as far as BF16 does, whatever makes the images."""
    converter = FrameConverter("cam")
    with av.open(str(data / "street/videos/car-detection.mp4")) as container:
        frames = list(islice(container.decode(video=0), 20, 81, 20))
    pictures = [converter.picture(frame) for frame in frames]
    exact = [frame.reformat(format="bgr24", interpolation=EXACT).to_ndarray() for frame in frames]
    with closing(make_engine("openvino", find_model("street"), precision="fp32")) as engine:
        size = engine.manifest.input_size
        of_planes, of_bgr = (
            [engine.submit(of_picture(each, size)[None]).result() for each in source]
            for source in (pictures, map(Picture.of, exact))
        )
    agreement = compare(of_bgr, of_planes, usual_tolerances(size)["bf16"])
    assert agreement.share >= usual_tolerances(size)["bf16"].share, agreement


def test_the_detector_finds_the_same_in_a_frame_that_is_letterboxed_in_gpu_memory(
    data: Path, kernel: HostKernel
) -> None:
    hardware = FakeHardware(kernel=kernel)
    with av.open(str(data / "street/videos/car-detection.mp4")) as container:
        frame = next(islice(container.decode(video=0), 40, None))
    on_host = FrameConverter("cam").picture(frame)
    there = FrameConverter("cam", hardware).picture(hardware.in_gpu_memory(frame))
    assert there.device is not None
    with closing(make_engine("openvino", find_model("street"), precision="fp32")) as engine:
        size = engine.manifest.input_size
        letterbox = Letterbox.fit((there.height, there.width), size)
        images = [hardware.read(there.device, letterbox), of_picture(on_host, size)]
        by_gpu, by_cpu = ([engine.submit(image[None]).result()] for image in images)
    assert hardware.downloads == 0
    assert np.abs(images[0].astype(int) - images[1]).max() <= 1
    agreement = compare(by_cpu, by_gpu, usual_tolerances(size)["bf16"])
    assert agreement.share >= usual_tolerances(size)["bf16"].share, agreement


def frames_there_and_here(there: str, here: str) -> tuple[Frame, Frame]:
    """Return a frame in GPU memory and one on the host, of the streams with these names."""
    bgr = plain(64, 96, (10, 20, 30))
    planes = Planes.of_bgr(bgr)
    device = DeviceFrame(1, 96, 2, 96, 96, 64, planes.space)
    on_gpu = Picture(
        96, 64, lambda: bgr, to_planes=lambda: planes, space=planes.space, device=device
    )
    first, second = (Stream(name, name, Fraction(1, 25)) for name in (there, here))
    return replace(frame(0, bgr), stream=first, picture=on_gpu), replace(
        frame(1, bgr), stream=second
    )


def test_frames_in_gpu_memory_and_others_become_two_batches() -> None:
    on_gpu, on_host = frames_there_and_here("one", "other")
    first, second = Preprocess((64, 96), gpu=0).process(Ready((on_host, on_gpu)))
    assert first.frames == (on_gpu,) and first.images is None and len(first.letterboxes) == 1
    assert second.frames == (on_host,) and images_of(second)[0, 0, 0].tolist() == [30, 20, 10]


def test_frames_of_one_stream_keep_their_order_where_the_gpu_begins_or_ends() -> None:
    on_gpu, on_host = frames_there_and_here("one", "one")
    (batch,) = Preprocess((64, 96), gpu=0).process(Ready((on_gpu, on_host)))
    assert batch.frames == (on_gpu, on_host)
    assert np.abs(images_of(batch).astype(int) - (30, 20, 10)).max() <= 2


@pytest.mark.parametrize("gpu", [None, 1])
def test_frames_come_to_the_host_if_the_engine_is_not_on_their_gpu(gpu: int | None) -> None:
    on_gpu, on_host = frames_there_and_here("one", "other")
    (batch,) = Preprocess((64, 96), gpu).process(Ready((on_gpu, on_host)))
    assert len(images_of(batch)) == 2
