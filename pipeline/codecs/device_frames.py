"""Frames that NVDEC leaves in GPU memory, as our kernels take them."""

from __future__ import annotations

from collections.abc import Mapping

from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from detector.kernels.device_frame import DeviceFrame
from detector.yuv.colour_space import BT601, BT709, UNSPECIFIED, ColourSpace
from pipeline.codecs.contexts import Decoder, FFmpegHardware

_FULL = 2  # color_range of FFmpeg
_SD_HEIGHT = 576  # lines; untagged video with more of them is BT.709
SURFACES = {"extra_hw_frames": "24"}  # more than the decoder needs itself: those in our channels


def open_on_gpu(like: VideoCodecContext, options: Mapping[str, str]) -> Decoder:
    """Return NVDEC for the stream that `like` decodes, whose frames stay in GPU memory.

    options: of FFmpeg. Raises Unavailable.
    """
    return FFmpegHardware().open("cuda", like, dict(options) | SURFACES, on_device=True)


def device_frame(frame: VideoFrame) -> DeviceFrame | None:
    """Return where a frame lies, None if kernels do not take it: they take NV12 of 8 bits.

    The decoder's stream is the GPU's default one.
    """
    kept_as = getattr(frame, "sw_format", None) or frame.format  # PyAV 17 has only the latter
    matrix = frame.colorspace
    if matrix == UNSPECIFIED:
        matrix = BT709 if frame.height > _SD_HEIGHT else BT601
    if kept_as.name != "nv12" or not ColourSpace.known(matrix):
        return None
    luma, chroma = frame.planes
    return DeviceFrame(
        luma.buffer_ptr,
        luma.line_size,
        chroma.buffer_ptr,
        chroma.line_size,
        frame.width,
        frame.height,
        ColourSpace(matrix, full=frame.color_range == _FULL),
        owner=frame,
    )
