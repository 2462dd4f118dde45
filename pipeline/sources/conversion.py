"""A decoder's frames as pictures: turned upright, and made BGR when somebody asks."""

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

_MATRICES = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 9})  # of ITU-T H.273, that swscale converts from
_TURN = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


class Pictures:
    """Makes the pictures of one stream; any thread may ask for their BGR arrays.

    One conversion context serves all frames: a new one for each, with threads of its own, as
    `VideoFrame.to_ndarray(format="bgr24")` makes it, costs up to twice the CPU. Bilinear (PyAV's
    default) takes FFmpeg's fast path for 4:2:0, within 3 grey levels of the exact matrix, and keeps
    every colour of 4:4:4, which FAST_BILINEAR halves; accurate rounding costs five to ten times as
    much. Matrix and range are those that the frame names; BT.601 where it names none, like FFmpeg.

    name: what the pictures come from, for errors
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._proven: set[tuple[str, int, int]] = set()  # pixel format, width, height
        self._reformatter = VideoReformatter()
        self._converting = Lock()  # the context, and the frame while it is read, are not shared

    def picture(self, frame: VideoFrame, pixel_aspect: Fraction | None = None) -> Picture:
        """Return `frame` as it is to be looked at; raises SourceError where none can be made BGR.

        pixel_aspect: width of a pixel by its height, before the picture is turned; None: unknown
        Whoever asks for BGR later may serve other streams too: what cannot be converted has to
        fail here, on the stream's own thread.
        """
        if frame.colorspace not in _MATRICES:
            raise SourceError(
                f"{self._name}: the colour matrix (number {frame.colorspace} of H.273) cannot be "
                "read: convert the video to BT.709"
            )
        quarter_turns = round(frame.rotation / 90) % 4  # counter-clockwise
        size = (frame.width, frame.height)
        width, height = size[::-1] if quarter_turns % 2 else size
        aspect = pixel_aspect or SQUARE  # 0 where a stream names none
        picture = Picture(
            width,
            height,
            partial(self._upright_bgr, frame, quarter_turns),
            pixel_aspect=1 / aspect if quarter_turns % 2 else aspect,
        )
        kind = (frame.format.name, *size)
        if kind not in self._proven:
            self._prove(picture, frame.format.name)
            self._proven.add(kind)
        return picture

    def _prove(self, picture: Picture, pixel_format: str) -> None:
        """Convert the first picture of its kind: no work is lost, the picture keeps the result."""
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
        return np.ascontiguousarray(turned, np.uint8)  # rows of odd sizes are padded
