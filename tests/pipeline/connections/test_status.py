"""The state of a connection as other threads see it, including stalls."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from pipeline.connections.status import Cause, State, StateChange, Status, Trouble

REFUSED = Trouble(Cause.REFUSED, "Connection refused")


@dataclass
class Clock:
    """A clock that the test sets."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def live(clock: Clock, interval: float = 0.04) -> Status:
    """Return the status of a stream that has just received a frame."""
    status = Status("cam", clock)
    status.live()
    status.frame(interval)
    return status


def test_the_state_goes_from_connecting_to_live_to_backoff_and_back() -> None:
    clock = Clock()
    status = Status("cam", clock)
    assert str(status) == "CONNECTING"
    status.lost(REFUSED, 2.0)
    assert str(status) == "BACKOFF: refused (Connection refused), next attempt in 2 s"
    status.connecting()
    status.live()
    assert (str(status), status.connections) == ("LIVE", 1)
    status.ended()
    assert str(status) == "ENDED"


@pytest.mark.parametrize(("interval", "patience"), [(0.04, 1.0), (1.0, 5.0), (10.0, 50.0)])
def test_a_stall_depends_on_the_frame_interval_of_the_stream(
    interval: float, patience: float
) -> None:
    clock = Clock()
    status = live(clock, interval)
    clock.now += patience - 0.01
    states = [status.state]
    clock.now += 0.02
    states.append(status.state)
    status.frame(interval)
    states.append(status.state)
    assert states == [State.LIVE, State.STALLED, State.LIVE]
    assert status.stalls == 1


def test_the_seconds_in_all_states_add_up_to_the_total() -> None:
    clock = Clock()
    status = Status("cam", clock)
    clock.now += 1
    status.live()
    status.frame(0.04)
    clock.now += 4
    status.frame(0.04)  # a stall of 3 s
    status.lost(REFUSED, 7.0)
    clock.now += 7
    assert status.snapshot()["seconds"] == {
        "CONNECTING": 1.0,
        "LIVE": 1.0,
        "STALLED": 3.0,
        "BACKOFF": 7.0,
    }


def test_a_failed_stream_stays_failed() -> None:
    status = Status("cam", Clock())
    status.failed(REFUSED)
    status.ended()
    assert status.state is State.FAILED
    assert status.snapshot()["causes"] == {"refused": 1}


def test_a_line_is_logged_once_a_minute_with_the_number_of_suppressed_ones(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    status = Status("cam", clock)
    with caplog.at_level(logging.INFO, "framelane"):
        for _ in range(50):
            status.lost(REFUSED, 1.0)
            clock.now += 1
        assert len(caplog.messages) == 1
        status.lost(Trouble(Cause.TIMED_OUT), 1.0)  # another line
        assert len(caplog.messages) == 2
        clock.now += 11
        status.lost(REFUSED, 1.0)
    assert caplog.messages[-1].endswith("(49 more since)")


def test_a_listener_hears_each_change_and_when_the_last_frame_came() -> None:
    clock = Clock()
    status = Status("cam", clock)
    heard: list[StateChange] = []
    status.on_change(heard.append)
    status.live()
    clock.now = 1010.0
    status.frame(0.04)
    clock.now = 1015.0
    status.lost(REFUSED, 1.0)
    clock.now = 1016.0
    status.connecting()
    clock.now = 1020.0
    status.lost(REFUSED, 1.0)
    assert heard == [
        StateChange(State.LIVE, 1000.0, None),
        StateChange(State.BACKOFF, 1010.0, REFUSED),
        StateChange(State.CONNECTING, 1016.0, REFUSED),
        StateChange(State.BACKOFF, 1020.0, REFUSED),
    ]
