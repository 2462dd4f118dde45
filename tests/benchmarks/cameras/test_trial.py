"""When a number of cameras counts as sustained."""

from __future__ import annotations

import pytest

from benchmarks.cameras.trial import Camera, Trial

GOOD = Camera(done=250, lost=0, p99=0.2, looks=50, late=10)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (Camera(250, 0, 0.6), "p99  600 ms"),
        (Camera(250, 3, 0.2), "lost 0.60%"),
        (Camera(200, 0, 0.2), "missing 20.0%"),
        (Camera(250, 0, 0.2, looks=50, late=400), "4.1 frames late"),
    ],
)
def test_one_bad_camera_is_enough_to_say_no(bad: Camera, word: str) -> None:
    assert Trial([GOOD, GOOD], 10.0, 1.0, 0.1).sustained
    trial = Trial([GOOD, bad], 10.0, 1.0, 0.1)
    assert not trial.sustained
    assert word in str(trial)
