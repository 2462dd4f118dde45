"""A lost camera is one event from its last frame to its return, whatever happens between."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.connections.status import Cause, StateChange, Status, Trouble
from pipeline.events.detection.camera_watch import CameraWatch
from pipeline.events.log import Change
from pipeline.events.record import EventKind, Moment, Phase

REFUSED = Trouble(Cause.REFUSED, "Connection refused")
TIMED_OUT = Trouble(Cause.TIMED_OUT)
WALL = 1_780_000_000.0


@dataclass
class Camera:
    """A camera's status with a clock that the test sets, and the changes that were found."""

    now: float = 100.0

    def __post_init__(self) -> None:
        self.found: list[Change] = []
        self.status = Status("cam", lambda: self.now)
        self.watch = CameraWatch("cam", lambda at: Moment(None, at, WALL + at))
        self.status.on_change(self._changed)

    def _changed(self, change: StateChange) -> None:
        self.found += self.watch.changed(change)

    def told(self) -> list[tuple[Phase, float | None]]:
        return [(phase, record.end.seconds if record.end else None) for record, phase in self.found]


def test_a_loss_begins_with_the_last_frame_and_ends_with_the_next_connections_first() -> None:
    camera = Camera()
    camera.status.live()
    camera.now = 110
    camera.status.frame(0.04)
    camera.now = 115
    camera.status.lost(TIMED_OUT, 0.5)
    camera.now = 116
    camera.status.connecting()
    camera.status.lost(REFUSED, 1.0)
    camera.now = 120
    camera.status.connecting()
    assert camera.told() == [(Phase.START, None)]
    camera.now = 121
    camera.status.live()
    assert camera.told() == [(Phase.START, None), (Phase.END, 121)]
    (start, _), (end, _) = camera.found
    assert (start.kind, start.uuid, start.cause) == (EventKind.CAMERA, end.uuid, "timed out")
    assert (end.start.seconds, end.start.wall, end.ended_by) == (110, WALL + 110, None)
    assert end.end and end.end.wall == WALL + 121


def test_a_camera_that_never_connected_gives_one_event_after_its_first_failure() -> None:
    camera = Camera()
    camera.status.connecting()
    assert not camera.found
    for _ in range(5):
        camera.now += 5
        camera.status.lost(REFUSED, 5.0)
        camera.status.connecting()
    assert camera.told() == [(Phase.START, None)]
    record, _ = camera.found[0]
    assert (record.start.seconds, record.cause) == (105, "refused (Connection refused)")


def test_a_long_loss_is_updated_once_a_minute() -> None:
    camera = Camera()
    for _ in range(30):
        camera.status.lost(REFUSED, 10.0)
        camera.now += 10
    assert [phase for phase, _ in camera.told()] == [Phase.START] + 4 * [Phase.UPDATE]
    assert camera.found[-1].record.last == Moment(None, 340, WALL + 340)


def test_a_camera_that_is_given_up_or_still_lost_at_the_end_has_an_end() -> None:
    camera = Camera()
    camera.status.failed(REFUSED)
    assert camera.told() == [(Phase.START, None)]
    (change,) = camera.watch.finish(130)
    assert (change.phase, change.record.end) == (Phase.END, Moment(None, 130, WALL + 130))
    assert change.record.ended_by == "end of stream"
    assert not camera.watch.finish(131)


def test_a_stop_on_request_is_no_loss() -> None:
    camera = Camera()
    camera.status.live()
    camera.status.ended()
    assert not camera.found
    assert not camera.watch.finish(130)


def test_the_cause_holds_no_password() -> None:
    camera = Camera()
    camera.status.lost(Trouble(Cause.BAD_DATA, "rtsp://viewer:opensesame@10.0.0.1/1 is odd"), 1.0)
    record, _ = camera.found[0]
    assert record.cause
    assert "opensesame" not in record.cause


@given(
    st.lists(
        st.tuples(
            st.floats(0, 100), st.sampled_from(["connecting", "live", "lost", "failed", "ended"])
        ),
        max_size=30,
    )
)
def test_the_changes_of_any_connection_are_in_order(
    steps: list[tuple[float, str]],
) -> None:
    camera = Camera()
    for seconds, step in steps:
        camera.now += seconds
        arguments = {"lost": (REFUSED, 1.0), "failed": (REFUSED,)}.get(step, ())
        getattr(camera.status, step)(*arguments)
    camera.found += camera.watch.finish(camera.now)
    open_event: str | None = None
    for record, phase in camera.found:
        assert (phase is Phase.START) == (open_event is None)
        assert open_event in {None, record.uuid}
        open_event = None if phase is Phase.END else record.uuid
        assert record.end is None or record.end.seconds >= record.start.seconds
    assert open_event is None


def test_a_clock_that_is_set_back_leaves_no_negative_time() -> None:
    watch = CameraWatch("cam", lambda at: Moment(None, at, WALL - 1000 * at))
    times = iter(range(100, 200))
    status = Status("cam", lambda: next(times))
    found: list[Change] = []
    status.on_change(lambda change: found.extend(watch.changed(change)))
    status.lost(REFUSED, 1.0)
    status.live()
    end = found[-1].record
    assert end.end
    assert end.end.wall == pytest.approx(end.start.wall)
