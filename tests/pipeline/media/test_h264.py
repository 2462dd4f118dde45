"""H.264 for files: the same times, keyframes and picture, whatever form an encoder wants."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import pytest

from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from pipeline.codecs.encoders import SOFTWARE, Encoder
from pipeline.frames.picture import UNTAGGED
from pipeline.media.h264 import H264
from pipeline.media.muxing import muxing

TICKS = 1000
TIMES = [0, 40, 50, 1999, 2000, 2001, 4500]  # a keyframe each 2 s: at 0, 2000 and 4500
NV12 = Encoder("libx264", pixels="nv12", file={"forced-idr": "1"}, quality="crf")
BY_RATE = Encoder("libx264", pixels="nv12", file={"forced-idr": "1"})


def written(encoder: Encoder) -> tuple[list[int | None], list[int | None], list[float]]:
    """Return times, times of keyframes, and the mean of the luma of each frame."""
    file = BytesIO()
    with av.open(file, "w", format="mp4", container_options=muxing("mp4", TICKS)) as output:
        video = H264(
            output,
            (161, 121),
            ticks=TICKS,
            interval=Fraction(1, 25),
            pixel_aspect=Fraction(1),
            space=ColourSpace(),
            colours=UNTAGGED,
            preset="veryfast",
            crf=18,
            threads=1,
            encoder=encoder,
        )
        for number, pts in enumerate(TIMES):
            bgr = np.full((121, 161, 3), 20 + 30 * number, np.uint8)
            output.mux(video.encode(Planes.of_bgr(bgr), pts, Fraction(1)))
        output.mux(video.flush())
    file.seek(0)
    with av.open(file) as container:
        frames = list(container.decode(video=0))
        lumas = [float(np.asarray(frame.to_ndarray()[:120, :160]).mean()) for frame in frames]
        return [f.pts for f in frames], [f.pts for f in frames if f.key_frame], lumas


@pytest.mark.parametrize("encoder", [SOFTWARE, NV12, BY_RATE])
def test_times_and_keyframes_are_exact_and_the_picture_is_kept(encoder: Encoder) -> None:
    times, keyframes, lumas = written(encoder)
    assert times == TIMES and keyframes == [0, 2000, 4500]
    grey = [16 + (20 + 30 * number) * 219 / 255 for number in range(len(TIMES))]
    assert lumas == pytest.approx(grey, abs=3.0)
