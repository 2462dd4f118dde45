"""The encoder of live video: chosen once, however many streams start at the same time."""

from __future__ import annotations

import logging
from threading import Barrier, Thread

import pytest

from pipeline.sinks.rtsp.encoder import EncoderChoice

STREAMS = 4


def test_streams_that_start_together_choose_once(caplog: pytest.LogCaptureFixture) -> None:
    choice, together, chosen = EncoderChoice(), Barrier(STREAMS), list[str]()

    def start() -> None:
        together.wait()
        chosen.append(choice())

    streams = [Thread(target=start) for _ in range(STREAMS)]
    with caplog.at_level(logging.INFO, "framelane"):
        for stream in streams:
            stream.start()
        for stream in streams:
            stream.join()
    assert len(chosen) == STREAMS and len(set(chosen)) == 1
    assert caplog.messages == [f"live video is encoded by {chosen[0]}"]
