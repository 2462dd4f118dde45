"""When a number of cameras counts as sustained."""

from __future__ import annotations

import pytest

from benchmarks.cameras.trial import Camera, Trial

GOOD = Camera(25, done=250, lost=0, p99=0.2, looks=50, late=10)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (Camera(25, 250, 0, 0.6), "p99  600 ms"),
        (Camera(25, 250, 3, 0.2), "lost 0.60%"),
        (Camera(25, 200, 0, 0.2), "missing 20.0%"),
        (Camera(25, 250, 0, 0.2, looks=50, late=400), "164 ms late"),
    ],
)
def test_one_bad_camera_is_enough_to_say_no(bad: Camera, word: str) -> None:
    assert Trial([GOOD, GOOD], 10.0, 1.0, 0.1).sustained
    trial = Trial([GOOD, bad], 10.0, 1.0, 0.1)
    assert not trial.sustained
    assert word in str(trial)


def test_each_camera_is_held_to_its_own_rate() -> None:
    slow = Camera(12.5, 125, 0, 0.2)
    assert Trial([GOOD, slow], 10.0, 1.0, 0.1).sustained
    assert Trial([slow, Camera(10, 100, 0, 0.2)], 10.0, 1.0, 0.1).sustained
    behind = Trial([GOOD, Camera(12.5, 100, 0, 0.2)], 10.0, 1.0, 0.1)
    assert not behind.sustained
    assert "missing 20.0%" in str(behind)


def test_a_late_look_is_judged_by_seconds() -> None:
    """One frame of ten a second is as late as two and a half of 25."""
    assert Trial([Camera(10, 100, 0, 0.2, looks=50, late=50)], 10.0, 1.0, 0.1).sustained
    assert not Trial([Camera(10, 100, 0, 0.2, looks=50, late=100)], 10.0, 1.0, 0.1).sustained
