"""Which elements decode a codec: hardware first, then what is quickest."""

from __future__ import annotations

from typing import Any

# FFmpeg's name of a codec -> caps, parser, and decoders: hardware first, then what is quickest.
CODECS = {
    "h264": (
        "video/x-h264,alignment=au,stream-format=",
        "h264parse",
        "nvv4l2decoder vah264dec vaapih264dec nvh264dec qsvh264dec v4l2slh264dec v4l2h264dec "
        "avdec_h264 openh264dec",
    ),
    "hevc": (
        "video/x-h265,alignment=au,stream-format=",
        "h265parse",
        "nvv4l2decoder vah265dec vaapih265dec nvh265dec qsvh265dec v4l2slh265dec v4l2h265dec "
        "avdec_h265 libde265dec",
    ),
    "mjpeg": ("image/jpeg", "jpegparse", "nvjpegdec vajpegdec jpegdec avdec_mjpeg"),
    "mpeg4": (
        "video/mpeg,mpegversion=4,systemstream=false",
        "mpeg4videoparse",
        "nvv4l2decoder avdec_mpeg4",
    ),
    "mpeg2video": (
        "video/mpeg,mpegversion=2,systemstream=false",
        "mpegvideoparse",
        "nvv4l2decoder vampeg2dec avdec_mpeg2video mpeg2dec",
    ),
    "vp8": ("video/x-vp8", "", "nvv4l2decoder vavp8dec vp8dec avdec_vp8"),
    "vp9": ("video/x-vp9", "vp9parse", "nvv4l2decoder vavp9dec nvvp9dec qsvvp9dec vp9dec"),
    "av1": (
        "video/x-av1,stream-format=obu-stream,alignment=tu",
        "av1parse",
        "nvv4l2decoder vaav1dec nvav1dec qsvav1dec dav1ddec av1dec avdec_av1",
    ),
}
STREAM_FORMATS = {"h264": ("byte-stream", "avc"), "hevc": ("byte-stream", "hvc1")}
CONVERTERS = {"nvv4l2decoder": "nvvidconv", "nvjpegdec": "nvvidconv"}  # of NVIDIA's own memory
PLAIN_CONVERTER = "videoconvert"  # passes on what needs no conversion
FORMATS = "video/x-raw,format=(string){ NV12, I420 }"
HARDWARE_FORMATS = "video/x-raw,format=NV12"
SETTINGS = {  # of decoders that have them
    "automatic-request-sync-points": False,
    "discard-corrupted-frames": False,
    "enable-max-performance": True,
    "max-errors": -1,  # a damaged stream is no reason to end
    "max-frame-delay": 1,
    "max-threads": 1,
    "n-threads": 1,
    "output-corrupt": True,
    "qos": False,  # nobody plays the frames, so none is late
}


def choices(codec: str, has: Any) -> list[tuple[str, str, str]]:
    """Return the parser, decoder and converter of each way to decode, the best one first.

    has: tells whether there is an element of a name
    """
    _, parser, decoders = CODECS.get(codec, ("", "", ""))
    if parser and not has(parser):
        if codec != "mjpeg":  # its images are whole
            return []
        parser = ""
    found = ((each, CONVERTERS.get(each, PLAIN_CONVERTER)) for each in decoders.split())
    return [
        (parser, decoder, converter)
        for decoder, converter in found
        if has(decoder) and has(converter)
    ]


def caps_of(codec: str, lengths: bool) -> str:
    """Return the caps of packets; lengths: their NAL units have lengths, as in MP4 files."""
    return CODECS[codec][0] + STREAM_FORMATS.get(codec, ("", ""))[lengths]
