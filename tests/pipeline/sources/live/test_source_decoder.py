"""A camera decoded by hardware that breaks: it goes on, and each packet is accounted for."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from pipeline.codecs.stream_decoder import WAITS
from pipeline.connections.status import State
from pipeline.sources import Decoded, Skipped
from pipeline.sources.live.source import Live
from tests.support.cameras import GOP, Server, numbered, require_gstreamer, write_units
from tests.support.fake_hardware import FakeHardware
from tests.support.live_streams import QUICK, numbers

FAILS_AFTER = GOP + 3


def test_a_camera_outlives_its_decoder(tmp_path: Path) -> None:
    require_gstreamer()
    clip = write_units(tmp_path / "clip.units", numbered())
    hardware = FakeHardware(fails_after=FAILS_AFTER, breaks=1)
    with (
        Server({"open": {"clip": clip}}) as server,
        closing(Live(server.url("open"), "cam", hardware, **QUICK)) as source,  # type: ignore[arg-type]
    ):
        source.open()
        results = list(islice(source, 50))
        assert source.status.state is State.LIVE and source.status.connections == 1
        assert source.decoder.figures() == {"asked": "auto", "used": "cuda", "why": ""}
    shown = [item for item in results if isinstance(item, Decoded)]
    skipped = [item.reason for item in results if isinstance(item, Skipped)]
    first, *_ = found = numbers(shown)
    # it broke at the packet after those that gave FAILS_AFTER frames, and waits for a keyframe
    assert first is not None and set(skipped) <= {WAITS} and 0 < len(skipped) < GOP
    assert len(results) == len(shown) + len(skipped) == 50
    assert found == [k for k in range(first, first + 50) if not _waits(k)]
    assert {item.scene for item in shown} == {0}


def _waits(frame: int) -> bool:
    """Return whether a frame is one of those from the break to the next keyframe."""
    return FAILS_AFTER <= frame < 2 * GOP


@pytest.mark.parametrize("name", ["cuda", "vaapi", "qsv"])
def test_a_camera_whose_decoder_is_missing_fails_with_one_line_and_does_not_connect(
    name: str,
) -> None:
    url, missing = "rtsp://127.0.0.1:9/1", FakeHardware(missing="no such device")
    source = Live(url, "cam", missing, decoder=name)  # type: ignore[arg-type]
    with closing(source), pytest.raises(Exception, match=f"decoder: {name}: no such device"):
        source.open()
    assert source.status.state is State.FAILED and source.status.connections == 0
