"""Decoded frames as Picture: turned upright, and converted to BGR on demand."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from threading import Lock

import av
import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import VideoReformatter

from detector.detections import UInt8Array
from pipeline.frame import SQUARE, Picture
from pipeline.sources import SourceError

_MATRICES = frozenset(
    {0, 1, 2, 3, 4, 5, 6, 7, 9}
)  # numbers of ITU-T H.273 that swscale can convert
_TURN = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


class FrameConverter:
    """Makes a Picture of each frame of one stream; any thread may ask for its BGR array.

    One conversion context serves all frames. `VideoFrame.to_ndarray(format="bgr24")` makes a new
    one, with its own threads, for each frame, and uses up to twice the CPU. Bilinear (PyAV's
    default) takes FFmpeg's fast path for 4:2:0, within 3 grey levels of the exact matrix, and keeps
    the full chroma of 4:4:4, which FAST_BILINEAR halves; accurate rounding takes five to ten times
    as long. Matrix and range are the frame's own; if it names none, BT.601, as in FFmpeg.

    name: of the stream, for errors
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._convertible: set[tuple[str, int, int]] = set()  # pixel format, width, height
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
        quarter_turns = round(frame.rotation / 90) % 4  # counter-clockwise
        size = (frame.width, frame.height)
        width, height = size[::-1] if quarter_turns % 2 else size
        aspect = pixel_aspect or SQUARE  # 0 if the stream names none
        picture = Picture(
            width,
            height,
            partial(self._upright_bgr, frame, quarter_turns),
            pixel_aspect=1 / aspect if quarter_turns % 2 else aspect,
        )
        kind = (frame.format.name, *size)
        if kind not in self._convertible:
            self._try(picture, frame.format.name)
            self._convertible.add(kind)
        return picture

    def _try(self, picture: Picture, pixel_format: str) -> None:
        """Convert the first frame of its kind; the picture keeps the result for later."""
        try:
            picture.bgr  # noqa: B018
        except av.FFmpegError as error:
            raise SourceError(
                f"{self._name}: the pixel format {pixel_format} cannot be read "
                f"({error.strerror}): convert the video to yuv420p"
            ) from error

    def _upright_bgr(self, frame: VideoFrame, quarter_turns: int) -> UInt8Array:
        with self._converting:
            converted = self._reformatter.reformat(frame, format="bgr24", threads=1)
        bgr = converted.to_ndarray()
        turned = cv2.rotate(bgr, _TURN[quarter_turns]) if quarter_turns else bgr
        return np.ascontiguousarray(turned, np.uint8)  # rows of odd width are padded
