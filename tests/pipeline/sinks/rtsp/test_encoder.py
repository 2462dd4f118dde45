"""The encoder of live video: chosen once, however many streams come at the same time."""

from __future__ import annotations

import logging
from threading import Barrier, Thread

import pytest

from pipeline.sinks.rtsp import encoder as live_encoder

STREAMS = 4


def test_streams_that_come_together_choose_once(caplog: pytest.LogCaptureFixture) -> None:
    live_encoder._first_that_works.cache_clear()
    together, chosen = Barrier(STREAMS), list[str]()

    def come() -> None:
        together.wait()
        chosen.append(live_encoder.choose())

    streams = [Thread(target=come) for _ in range(STREAMS)]
    with caplog.at_level(logging.INFO, "framelane"):
        for stream in streams:
            stream.start()
        for stream in streams:
            stream.join()
    assert len(chosen) == STREAMS and len(set(chosen)) == 1
    assert caplog.messages == [f"live video is encoded by {chosen[0]}"]
