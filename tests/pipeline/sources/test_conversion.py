"""Frames become pictures as players show them: turned by the whole matrix, in the right colours."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Interpolation

from detector.yuv.colour_space import ColourSpace
from pipeline.sources import Decoded, make_source
from pipeline.sources.conversion import FrameConverter, Turn, upright_luma, upright_planes

ONE = 1 << 16
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
CORNERS = np.zeros((64, 96, 3), np.uint8)  # blue, green, red and white, from the top left
CORNERS[:32, :48], CORNERS[:32, 48:] = (255, 0, 0), (0, 255, 0)
CORNERS[32:, :48], CORNERS[32:, 48:] = (0, 0, 255), (255, 255, 255)


def write(
    path: Path,
    bgr: np.ndarray,
    matrix: int = 5,
    tags: tuple[int, int, int] = (2, 2, 2),
    full: bool = False,
) -> None:
    """Write three frames; matrix: that converts them; tags: matrix, primaries, transfer.

    full: from 0 to 255
    """
    range_ = ColorRange.JPEG if full else ColorRange.MPEG
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=10, options={"crf": "1"})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = bgr.shape[1], bgr.shape[0], "yuv420p"
        context.colorspace, context.color_primaries, context.color_trc = tags
        context.color_range = range_
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(bgr, "bgr24")
            frame = frame.reformat(
                format="yuv420p",
                dst_colorspace=matrix,
                dst_color_range=range_,
                interpolation=EXACT,
            )
            frame.colorspace, frame.color_primaries, frame.color_trc = tags
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def first(path: Path) -> np.ndarray:
    source = make_source(str(path), "x", {})
    source.open()
    try:
        item = next(iter(source))
        assert isinstance(item, Decoded)
        return item.picture.bgr
    finally:
        source.close()


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((-ONE, 0, 0, ONE), CORNERS[:, ::-1]),
        ((ONE, 0, 0, -ONE), CORNERS[::-1]),
        ((-ONE, 0, 0, -ONE), CORNERS[::-1, ::-1]),
        ((0, ONE, ONE, 0), CORNERS.swapaxes(0, 1)),
        ((0, -ONE, -ONE, 0), CORNERS.swapaxes(0, 1)[::-1, ::-1]),
        ((0, ONE, -ONE, 0), np.rot90(CORNERS, -1)),
        ((0, -ONE, ONE, 0), np.rot90(CORNERS)),
    ],
)
def test_a_picture_is_turned_and_mirrored_by_the_whole_display_matrix(
    tmp_path: Path, matrix: tuple[int, int, int, int], shown: np.ndarray
) -> None:
    path = tmp_path / "a.mp4"
    write(path, CORNERS)
    content = bytearray(path.read_bytes())
    header = content.find(b"tkhd")
    at = header + 4 + (52 if content[header + 4] else 40)
    a, b, c, d = matrix
    content[at : at + 36] = pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    assert np.abs(first(path).astype(int) - shown).mean() < 6  # at the borders of the colours


@pytest.mark.parametrize(("height", "matrix"), [(480, 5), (576, 5), (578, 1), (720, 1)])
def test_untagged_video_of_more_than_576_lines_is_bt709(
    tmp_path: Path, height: int, matrix: int
) -> None:
    bgr = np.full((height, 320, 3), (190, 60, 200), np.uint8)
    write(tmp_path / "a.mp4", bgr, matrix)
    assert np.abs(first(tmp_path / "a.mp4").astype(int) - bgr).max() <= 3


def test_tagged_hd_is_read_by_its_tags(tmp_path: Path) -> None:
    bgr = np.full((720, 320, 3), (190, 60, 200), np.uint8)
    write(tmp_path / "a.mp4", bgr, 5, (6, 6, 6))
    assert np.abs(first(tmp_path / "a.mp4").astype(int) - bgr).max() <= 3


@pytest.mark.parametrize(
    ("transfer", "name", "signal", "grey"),
    # as zscale and tonemap=hable:desat=0 show them, with 100 nits as white
    [(18, "HLG", 191, 193), (18, "HLG", 255, 255), (16, "PQ", 148, 174), (16, "PQ", 255, 255)],
)
def test_hdr_is_tone_mapped_and_said_once(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    transfer: int,
    name: str,
    signal: int,
    grey: int,
) -> None:
    write(tmp_path / "a.mp4", np.full((64, 64, 3), signal, np.uint8), 9, (9, 9, transfer))
    assert np.abs(first(tmp_path / "a.mp4").astype(int) - grey).max() <= 5
    assert [f"HDR ({name})" in line for line in caplog.messages] == [True]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "nv12"])
@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("size", [(64, 96), (63, 95)])
def test_planes_show_what_swscale_shows(
    pixel_format: str, matrix: int, size: tuple[int, int]
) -> None:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(CORNERS[: size[0], : size[1]]), "bgr24")
    frame = frame.reformat(format=pixel_format, dst_colorspace=matrix, interpolation=EXACT)
    frame.colorspace = matrix
    picture = FrameConverter("cam").picture(frame)
    assert picture.has_planes
    assert (picture.space.matrix, picture.space.full) == (matrix, pixel_format == "yuvj420p")
    exact = frame.reformat(format="bgr24", interpolation=EXACT).to_ndarray().astype(int)
    assert np.abs(picture.planes.bgr() - exact).mean() < 3  # at the borders of the colours
    assert np.abs(picture.planes.bgr() - picture.bgr.astype(int)).mean() < 3


@pytest.mark.parametrize("pixel_format", ["yuv422p", "yuv444p", "yuv420p10le", "gray", "rgb24"])
def test_other_formats_become_planes_by_way_of_bgr(pixel_format: str) -> None:
    frame = av.VideoFrame.from_ndarray(CORNERS, "bgr24").reformat(format=pixel_format)
    picture = FrameConverter("cam").picture(frame)
    assert not picture.has_planes
    assert np.abs(picture.planes.bgr().astype(int) - picture.bgr).mean() < 3


def test_untagged_and_hdr_frames_are_taken_as_players_take_them() -> None:
    converter = FrameConverter("cam")
    tall, low = av.VideoFrame(64, 720, "yuv420p"), av.VideoFrame(64, 64, "yuv420p")
    assert converter.picture(tall).space.matrix == 1
    assert converter.picture(low).space.matrix == 6
    low.color_trc = 16  # PQ
    assert not converter.picture(low).has_planes


@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12"])
@pytest.mark.parametrize("exchanged", [False, True])
@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("rows", [False, True])
def test_planes_are_turned_as_the_image_is(
    pixel_format: str, exchanged: bool, columns: bool, rows: bool
) -> None:
    frame = av.VideoFrame.from_ndarray(CORNERS, "bgr24").reformat(format=pixel_format)
    turn = Turn(exchanged, columns, rows)
    turned = upright_planes(frame, turn, ColourSpace()).bgr()
    np.testing.assert_array_equal(turned, turn(upright_planes(frame, Turn(), ColourSpace()).bgr()))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "nv12", "yuv420p10le", "rgb24"])
def test_small_luma_comes_from_the_plane_or_else_from_bgr(pixel_format: str) -> None:
    ramp = np.linspace(30, 220, 384).astype(np.uint8)[None].repeat(288, 0)
    grey = av.VideoFrame.from_ndarray(np.dstack([ramp] * 3), format="rgb24")
    converter = FrameConverter("cam")
    frame = grey.reformat(format=pixel_format)
    converter.picture(frame)  # the first of its kind is converted to BGR at once
    small = converter.picture(frame).luma(72)
    limited = pixel_format in {"yuv420p", "yuv444p", "nv12"}  # the others are read as BGR
    cells = ramp.reshape(72, 4, 96, 4).mean(axis=(1, 3))
    wanted = 16 + cells * 219 / 255 if limited else cells
    assert small.shape == (72, 96)
    assert abs(small - wanted).max() <= 2


def test_small_luma_is_turned_as_the_image_is(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write(path, np.repeat(np.repeat(CORNERS, 3, 0), 3, 1))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    turn = Turn(exchanged=True, rows=True)
    small = upright_luma(frame, turn, 72).astype(int)
    luma = np.asarray(frame.to_ndarray(format="yuv420p"))[: frame.height, : frame.width]
    shown = turn(luma)
    side = shown.shape[0] // small.shape[0]
    assert small.shape == (shown.shape[0] // side, shown.shape[1] // side)
    assert abs(small - shown[side // 2 :: side, side // 2 :: side][: len(small)]).mean() < 6
