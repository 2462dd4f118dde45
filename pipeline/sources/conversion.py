"""Decoded frames as Picture: turned upright, as planes if they are, and as BGR on demand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from struct import unpack
from threading import Lock

import av
import cv2
import numpy as np
from av import VideoFrame
from av.sidedata.sidedata import Type
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation, VideoReformatter

from detector.detections import UInt8Array
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from pipeline.codecs.contexts import HARDWARE, Hardware
from pipeline.codecs.device_frames import NV12, device_frame, kept_as
from pipeline.codecs.side_data import side_data
from pipeline.frames.picture import RGB_SPACE, SQUARE, Picture, shrunk_luma
from pipeline.sources import SourceError, colours

_log = logging.getLogger(__name__)
_MATRICES = frozenset(
    {0, 1, 2, 3, 4, 5, 6, 7, 9}
)  # numbers of ITU-T H.273 that swscale can convert
_PLANAR = frozenset({"yuv420p", "yuvj420p", "nv12"})  # 4:2:0 with 8 bits
# A level of PQ or HLG is up to four of BT.709. PyAV 17 (Python 3.10) does not name the last two.
_ACCURATE_RND, _FULL_CHR_H_INT = 0x40000, 0x2000  # flags of swscale
_EXACT = Interpolation.BILINEAR | _ACCURATE_RND | _FULL_CHR_H_INT


@dataclass(frozen=True, slots=True)
class Turn:
    """How a decoded frame becomes upright: rows and columns exchanged, then each mirrored."""

    exchanged: bool = False
    columns: bool = False
    rows: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> Turn:
        """Return what the frame's display matrix asks for, to the nearest quarter turn."""
        content = side_data(frame, Type.DISPLAYMATRIX)
        if content is None or len(content) != 36:
            return cls()
        a, b, _, c, d, *_ = unpack("=9i", content)  # x' = ax + cy, y' = bx + dy
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(exchanged=True, columns=c < 0, rows=b < 0)
        return cls(columns=a < 0, rows=d < 0)

    def __call__(self, image: UInt8Array) -> UInt8Array:
        """Return a view of an (h, w) or (h, w, 3) array, turned."""
        turned = image.swapaxes(0, 1) if self.exchanged else image
        return turned[:: -1 if self.rows else 1, :: -1 if self.columns else 1]


UPRIGHT = Turn()  # as decoded


class FrameConverter:
    """Makes a Picture of each frame of one stream; any thread may ask for its planes and BGR array.

    The planes of 4:2:0 with 8 bits are the decoder's own. Other frames have none, nor HDR, nor
    frames of odd size that are turned, whose chroma would not fit the luma.

    One conversion context serves all frames. `VideoFrame.to_ndarray(format="bgr24")` makes a new
    one, with its own threads, for each frame, and uses up to twice the CPU. Bilinear (PyAV's
    default) takes FFmpeg's fast path for 4:2:0, within 3 grey levels of the exact matrix, and keeps
    the full chroma of 4:4:4, which FAST_BILINEAR halves; accurate rounding takes five to ten times
    as long. Matrix and range are the frame's own; if it names none, those that players take. HDR
    becomes BT.709.

    A frame in GPU memory stays there, if kernels take it: NV12, upright, in colours that need no
    tone mapping. Any other comes to the host at once.

    name: of the stream, for errors
    hardware: whose frames may lie on a GPU
    """

    def __init__(self, name: str, hardware: Hardware = HARDWARE) -> None:
        self._name = name
        self._hardware = hardware
        self._convertible: set[tuple[str, int, int]] = set()  # pixel format, width, height
        self._hdr: tuple[int, float] | None = None  # transfer and peak, once told
        self._reformatter = VideoReformatter()
        self._converting = Lock()  # neither the context nor a frame may be used by two threads

    def picture(self, frame: VideoFrame, pixel_aspect: Fraction | None = None) -> Picture:
        """Return `frame` turned upright; raises SourceError if it cannot be converted to BGR.

        pixel_aspect: width of a pixel by its height, before turning; None: unknown
        A later conversion may run on a thread that serves other streams too. So a frame that
        cannot be converted must fail here, on the thread of its own stream.
        """
        if frame.colorspace not in _MATRICES:
            raise SourceError(
                f"{self._name}: the colour matrix (number {frame.colorspace} of H.273) cannot be "
                "read: convert the video to BT.709"
            )
        turn = Turn.of(frame)
        space = _space_of_planes(frame, turn)
        gpu = self._hardware.gpu_of(frame)
        if gpu is not None and not (space and turn == UPRIGHT and kept_as(frame) == NV12):
            frame, gpu = self._on_host(frame), None
        host = _HostFrame(frame, self._on_host)
        size = (frame.width, frame.height)
        width, height = size[::-1] if turn.exchanged else size
        aspect = pixel_aspect or SQUARE  # 0 if the stream names none
        self._tell_hdr(frame)
        hdr = self._hdr
        picture = Picture(
            width,
            height,
            lambda: self._upright_bgr(host.get(), turn, hdr),
            to_planes=(lambda: upright_planes(host.get(), turn, space)) if space else None,
            space=space or RGB_SPACE,
            to_luma=(lambda rows: upright_luma(host.get(), turn, rows))
            if space or _has_luma(frame)
            else None,
            device=None if space is None or gpu is None else device_frame(frame, space, gpu),
            pixel_aspect=1 / aspect if turn.exchanged else aspect,
            colours=colours.tags(frame),
        )
        kind = (frame.format.name, *size)
        if not space and kind not in self._convertible:
            self._try(picture, frame.format.name)
            self._convertible.add(kind)
        return picture

    def _on_host(self, frame: VideoFrame) -> VideoFrame:
        try:
            return self._hardware.on_host(frame)
        except av.FFmpegError as error:
            raise SourceError(
                f"{self._name}: a frame cannot be copied from the GPU ({error.strerror}): give "
                "decoder: software"
            ) from error

    def _try(self, picture: Picture, pixel_format: str) -> None:
        """Convert the first frame of its kind; the picture keeps the result for later."""
        try:
            picture.bgr  # noqa: B018
        except av.FFmpegError as error:
            raise SourceError(
                f"{self._name}: the pixel format {pixel_format} cannot be read "
                f"({error.strerror}): convert the video to yuv420p"
            ) from error

    def _tell_hdr(self, frame: VideoFrame) -> None:
        """Note how frames are tone-mapped from here on, and say so when it begins."""
        if frame.color_trc not in colours.HDR:
            self._hdr = None
        elif self._hdr is None or self._hdr[0] != frame.color_trc:
            self._hdr = (frame.color_trc, colours.peak_nits(frame))
            _log.warning(
                "%s: HDR (%s): tone-mapped to BT.709 for detection and output",
                self._name,
                colours.HDR[frame.color_trc],
            )

    def _upright_bgr(
        self, frame: VideoFrame, turn: Turn, hdr: tuple[int, float] | None
    ) -> UInt8Array:
        with self._converting:
            converted = self._reformatter.reformat(
                frame,
                format="gbrp" if hdr else "bgr24",  # exact conversion to planes is much quicker
                src_colorspace=colours.assumed_matrix(frame),
                interpolation=_EXACT if hdr else None,
                threads=1,
            )
        if hdr:
            green, blue, red = map(_values, converted.planes)
            bgr = colours.tone_mapped(blue, green, red, *hdr)
        else:
            bgr = np.asarray(converted.to_ndarray(), np.uint8)
        return np.ascontiguousarray(turn(bgr))  # rows of odd width are padded


class _HostFrame:
    """A frame in the CPU's memory, copied there at the first request; one thread at a time."""

    def __init__(self, frame: VideoFrame, on_host: Callable[[VideoFrame], VideoFrame]) -> None:
        self._frame = frame
        self._on_host: Callable[[VideoFrame], VideoFrame] | None = on_host

    def get(self) -> VideoFrame:
        """Return the frame; one in GPU memory is let go."""
        if self._on_host is not None:
            self._frame, self._on_host = self._on_host(self._frame), None
        return self._frame


def _space_of_planes(frame: VideoFrame, turn: Turn) -> ColourSpace | None:
    """Return what the frame's planes mean, None if they are not handed on."""
    odd = frame.width % 2 or frame.height % 2
    if kept_as(frame) not in _PLANAR or (odd and turn != UPRIGHT):
        return None
    return colours.space_of(frame)


def _has_luma(frame: VideoFrame) -> bool:
    """Return whether the first plane of the frame is its luma, with 8 bits."""
    first = frame.format.components[0]
    alone = len(frame.planes) > 1 or frame.format.name == "gray"  # packed formats mix all in one
    return bool(first.is_luma and first.bits == 8 and alone)


def upright_planes(frame: VideoFrame, turn: Turn, space: ColourSpace) -> Planes:
    """Return the planes of a 4:2:0 frame, upright: views of the frame if it is not turned."""
    luma, *chroma = frame.planes
    both = map(_values, chroma) if len(chroma) == 2 else _split(chroma[0])
    planes = _values(luma), *both
    if turn == UPRIGHT:
        return Planes(space, *planes)
    return Planes(space, *(np.ascontiguousarray(turn(plane)) for plane in planes))


def _split(plane: VideoPlane) -> Sequence[UInt8Array]:
    """Return the Cb and Cr of a plane in which they alternate (NV12)."""
    pairs = _rows(plane)[:, : 2 * plane.width].reshape(plane.height, plane.width, 2)
    return [np.asarray(each, np.uint8) for each in cv2.split(pairs)]


def upright_luma(frame: VideoFrame, turn: Turn, min_height: int) -> UInt8Array:
    """Return the luma of a frame, shrunk and upright; nothing is written, so no lock is needed."""
    return np.ascontiguousarray(turn(shrunk_luma(_values(frame.planes[0]), min_height)))


def _values(plane: VideoPlane) -> UInt8Array:
    """Return a view of a plane without its padding, (h, w)."""
    return _rows(plane)[:, : plane.width]


def _rows(plane: VideoPlane) -> UInt8Array:
    """Return a view of a plane with its padding."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
