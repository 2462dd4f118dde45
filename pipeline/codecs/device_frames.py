"""Frames that NVDEC leaves in GPU memory: where they lie, and their copies on the host."""

from __future__ import annotations

from av.video.frame import VideoFrame

from detector.kernels.device_frame import DeviceFrame
from detector.yuv.colour_space import ColourSpace

CAN_STAY = hasattr(VideoFrame, "sw_format")  # PyAV 17 does not say what the bytes are
NV12 = "nv12"
_CUDA = "cuda"  # the pixel format of all frames in GPU memory


def gpu_of(frame: VideoFrame) -> int | None:
    """Return the number of the GPU in whose memory a frame lies, None if it lies on the host."""
    if frame.format.name != _CUDA:
        return None
    _, number = frame.planes[0].__dlpack_device__()
    return int(number)


def kept_as(frame: VideoFrame) -> str:
    """Return the pixel format of a frame's bytes, wherever they lie."""
    return (getattr(frame, "sw_format", None) or frame.format).name


def on_host(frame: VideoFrame) -> VideoFrame:
    """Return a copy of a frame in the CPU's memory; the frame itself if it lies there.

    The copy waits for the decoder. Raises av.FFmpegError.
    """
    return frame if gpu_of(frame) is None else frame.reformat(format=kept_as(frame))


def device_frame(frame: VideoFrame, space: ColourSpace, gpu: int) -> DeviceFrame:
    """Return where a frame of NV12 lies, as our kernels take it.

    FFmpeg copies each frame out of the decoder into memory of its own. So a frame that is kept
    takes nothing from the decoder; its memory is given back when `owner` is dropped. The copy is
    made on the GPU's default stream, because the decoder uses the primary context.
    """
    luma, chroma = frame.planes
    return DeviceFrame(
        luma.buffer_ptr,
        luma.line_size,
        chroma.buffer_ptr,
        chroma.line_size,
        frame.width,
        frame.height,
        space,
        gpu=gpu,
        owner=frame,
    )
