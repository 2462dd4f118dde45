"""Preprocessing: frames of any size become one RGB batch, in order."""

from __future__ import annotations

from contextlib import closing
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
from detector.letterbox import PAD_VALUE
from detector.tolerance import usual_tolerances
from detector.weights.zoo import find_model
from detector.yuv.colour_space import ColourSpace
from pipeline.frames.batch import Batch, Ready
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.stream import Stream
from pipeline.sources.conversion import FrameConverter
from pipeline.stages.preprocess import Preprocess

EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
STREAM = Stream("street", "street.mp4", Fraction(1, 25))


def frame(index: int, bgr: UInt8Array) -> Frame:
    return Frame(STREAM, index, index, index, Fraction(1, 25), 0.0, Picture.of(bgr))


def plain(height: int, width: int, bgr: tuple[int, int, int]) -> UInt8Array:
    return np.full((height, width, 3), bgr, np.uint8)


def batch_of(*images: UInt8Array) -> Batch:
    ready = Ready(tuple(frame(index, bgr) for index, bgr in enumerate(images)))
    (batch,) = Preprocess((64, 96)).process(ready)
    return batch


def test_bgr_frames_become_rgb_images_with_grey_padding() -> None:
    batch = batch_of(plain(432, 768, (10, 20, 30)))
    expected = np.full((1, 64, 96, 3), PAD_VALUE, np.uint8)
    expected[:, 5:59] = (30, 20, 10)  # 432 / 768 x 96 = 54 rows, centred
    np.testing.assert_array_equal(batch.images, expected)


def test_the_channels_are_reversed_and_otherwise_unchanged() -> None:
    bgr = np.zeros((64, 96, 3), np.uint8)
    bgr[:32, :, 0], bgr[:, :48, 1], bgr[32:, 48:, 2] = 200, 150, 100
    np.testing.assert_array_equal(batch_of(bgr).images[0], bgr[..., ::-1])


def test_frames_of_different_sizes_share_a_batch_each_with_its_own_letterbox() -> None:
    batch = batch_of(plain(432, 768, (1, 1, 1)), plain(480, 360, (2, 2, 2)))
    assert [f.index for f in batch.frames] == [0, 1]
    assert [box.source for box in batch.letterboxes] == [(432, 768), (480, 360)]
    assert batch.images[0, 32, 48].tolist() == [1, 1, 1]
    assert batch.images[1, 32, 48].tolist() == [2, 2, 2]


def test_the_batch_is_read_only_and_the_source_is_unchanged() -> None:
    bgr = plain(100, 100, (1, 2, 3))
    batch = batch_of(bgr)
    assert (bgr == (1, 2, 3)).all()
    with pytest.raises(ValueError, match="read-only"):
        batch.images[:] = 0


def of_picture(picture: Picture, size: tuple[int, int]) -> UInt8Array:
    """Return what the network gets of a picture."""
    one = Frame(STREAM, 0, 0, 0, Fraction(1, 25), 0.0, picture)
    (batch,) = Preprocess(size).process(Ready((one,)))
    return np.asarray(batch.images[0], np.uint8)


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
