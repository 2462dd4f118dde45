"""The encoder of a sink: tried once, however many streams start together; named when refused."""

from __future__ import annotations

import logging
from threading import Barrier, Thread

import pytest

from detector.errors import FramelaneError
from pipeline.codecs.encoder_choice import EncoderChoice
from pipeline.codecs.encoders import H264, automatic
from pipeline.codecs.trial import Use, encoding_obstacle

STREAMS = 4


def test_streams_that_start_together_choose_once(caplog: pytest.LogCaptureFixture) -> None:
    choice, together, chosen = EncoderChoice("live"), Barrier(STREAMS), list[str]()

    def start() -> None:
        together.wait()
        chosen.append(choice.encoder("auto", "out", (320, 240))[0])

    streams = [Thread(target=start) for _ in range(STREAMS)]
    with caplog.at_level(logging.INFO, "framelane"):
        for stream in streams:
            stream.start()
        for stream in streams:
            stream.join()
    assert len(chosen) == STREAMS and len(set(chosen)) == 1
    assert caplog.messages == [f"live video is encoded by {chosen[0]}"]


@pytest.mark.parametrize("use", ["live", "file"])
@pytest.mark.parametrize("asked", ["nvenc", "qsv", "vaapi", "v4l2m2m", "h264_nvenc"])
def test_what_the_machine_lacks_is_one_line_for_each_choice(asked: str, use: Use) -> None:
    name = asked.removeprefix("h264_")
    obstacle = encoding_obstacle(H264[name], use)
    if obstacle is None:
        return  # this machine has it
    with pytest.raises(FramelaneError) as refused:
        EncoderChoice(use).check(asked, "out.mp4")
    wanted = f"output 'out.mp4': encoder: {name}: {obstacle}: choose auto or software"
    assert str(refused.value) == wanted


@pytest.mark.parametrize("asked", ["software", "libx264"])
def test_software_takes_every_size(asked: str) -> None:
    assert EncoderChoice("file").encoder(asked, "out.mp4", (2, 2)) == ("software", H264["software"])


def test_gstreamer_is_tried_first_on_a_jetson_and_elsewhere_only_if_it_is_asked_for() -> None:
    first, *others = automatic(jetson=True)
    assert first == "gstreamer" and others[-1] == "software"
    assert automatic(jetson=False) == others
