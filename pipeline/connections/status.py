"""The state of a connection, readable from any thread."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from threading import Lock
from time import monotonic
from typing import Any

from pipeline.rate_limited_log import RateLimitedLog

STALL_INTERVALS = 5  # frame intervals without a frame: a longer pause is not jitter
MIN_STALL = 1.0  # seconds: a brief network problem of a fast stream is not a stall


class State(Enum):
    """The state of a live stream."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"  # connected, but no frame for several frame intervals
    BACKOFF = "backoff"  # waiting before the next attempt
    FAILED = "failed"  # not tried again
    ENDED = "ended"  # stopped on request, or read to its end


class Cause(Enum):
    """Why a connection was not made or was lost."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed out"
    UNAUTHORISED = "unauthorised"
    NOT_FOUND = "not found"
    BAD_DATA = "bad data"
    ENDED_BY_PEER = "ended by peer"
    UNSUPPORTED = "unsupported codec"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A cause and its details, in words without credentials."""

    cause: Cause
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.cause.value} ({self.detail})" if self.detail else self.cause.value


class Disconnected(Exception):
    """No connection could be made, or it was lost; another attempt may follow."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class StateChange:
    """A connection has another state than before, or has failed again.

    at: seconds on the clock of the status; of a lost connection, when its last frame came
    """

    state: State
    at: float
    trouble: Trouble | None


class Status:
    """The state of one stream, its history, and the time it spent in each state.

    One thread reads or writes the stream and updates this; any thread may read it. STALLED is
    computed on reading, because the updating thread is then waiting inside the demuxer.

    name: of the stream; clock: seconds that never go back
    """

    def __init__(self, name: str, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._state = State.CONNECTING
        self._since = clock()
        self._seconds = dict.fromkeys(State, 0.0)
        self._interval: float | None = None  # seconds between two frames
        self._frame_at = self._since
        self._live_since: float | None = None
        self._next_attempt_at: float | None = None
        self._log = RateLimitedLog(name, clock)
        self._listeners: list[Callable[[StateChange], None]] = []
        self.connections = 0
        self.stalls = 0
        self.damaged = 0  # frames in which the decoder concealed errors
        self.clock_source = "arrival"  # of the times of capture
        self.causes: Counter[Cause] = Counter()
        self.trouble: Trouble | None = None  # the last one
        self._when_ended: list[Callable[[], object]] = []

    @property
    def state(self) -> State:
        """The state of this moment."""
        with self._lock:
            return self._state_at(self._clock())

    @property
    def live_seconds(self) -> float:
        """Seconds since the last connection went live, 0 if none has."""
        return 0.0 if self._live_since is None else self._clock() - self._live_since

    def seconds_in_call(self, now: float) -> float:
        """Return how long the reading thread has been waiting for the camera."""
        with self._lock:
            waits = self._state in (State.CONNECTING, State.LIVE)
            return now - self._frame_at if waits else 0.0

    def on_change(self, listener: Callable[[StateChange], None]) -> None:
        """Call `listener` at each change, on the thread that updates the state; it must not wait.

        A stall is no change, because it is only computed on reading.
        """
        self._listeners.append(listener)

    def connecting(self) -> None:
        """Note that an attempt to connect starts."""
        self._live_since = None
        self._enter(State.CONNECTING)

    def live(self) -> None:
        """Note that the stream is live: its first frame has passed."""
        self.connections += 1
        self._live_since = self._clock()
        self._enter(State.LIVE)
        again = f" again (connection {self.connections})" if self.connections > 1 else ""
        self._log.log(logging.INFO, "live" + again, "live")

    def frame(self, interval: float | None) -> None:
        """Note a frame; interval: seconds between two frames, None if unknown."""
        with self._lock:
            now = self._clock()
            if self._state_at(now) is State.STALLED:
                self.stalls += 1
                stalled = now - self._frame_at - self._stall_seconds
                self._seconds[State.STALLED] += stalled
                self._seconds[State.LIVE] -= stalled
            self._frame_at, self._interval = now, interval

    def lost(self, trouble: Trouble, pause: float) -> None:
        """Note that there is no connection; pause: seconds until the next attempt."""
        self.trouble = trouble
        self.causes[trouble.cause] += 1
        self._enter(State.BACKOFF, pause)
        self._log.log(logging.WARNING, f"{trouble}; next attempt in {pause:.1f} s", str(trouble))

    def failed(self, trouble: Trouble) -> None:
        """Note that there will be no further attempt."""
        self.trouble = trouble
        self.causes[trouble.cause] += 1
        self._enter(State.FAILED)

    def ended(self) -> None:
        """Note the end, unless the stream has already failed."""
        if self._state is not State.FAILED:
            self._enter(State.ENDED)
            for call in self._when_ended:
                call()

    def when_ended(self, call: Callable[[], object]) -> None:
        """Have `call` called when the stream ends, on the stream's thread; before it starts."""
        self._when_ended.append(call)

    def __str__(self) -> str:
        """Return the state in a few words, with the cause if there is no connection."""
        with self._lock:
            now = self._clock()
            state = self._state_at(now)
            text = state.name
            if state in (State.BACKOFF, State.FAILED):
                text += f": {self.trouble}"
            if state is State.STALLED:
                text += f" for {now - self._frame_at:.0f} s"
            if self._next_attempt_at is not None:
                text += f", next attempt in {max(0.0, self._next_attempt_at - now):.0f} s"
            return text

    def snapshot(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        with self._lock:
            now = self._clock()
            seconds = self._seconds | {self._state: self._seconds[self._state] + now - self._since}
            return {
                "state": self._state_at(now).name,
                "trouble": str(self.trouble) if self.trouble else None,
                "connections": self.connections,
                "causes": {cause.value: count for cause, count in self.causes.items()},
                "stalls": self.stalls,
                "damaged_pictures": self.damaged,
                "capture_clock": self.clock_source,
                "seconds": {
                    state.name: round(spent, 3) for state, spent in seconds.items() if spent
                },
            }

    @property
    def _stall_seconds(self) -> float:
        return max(MIN_STALL, STALL_INTERVALS * (self._interval or 0.0))

    def _state_at(self, now: float) -> State:
        stalled = self._state is State.LIVE and now - self._frame_at > self._stall_seconds
        return State.STALLED if stalled else self._state

    def _enter(self, state: State, pause: float | None = None) -> None:
        with self._lock:
            now = self._clock()
            at = self._frame_at if self._state is State.LIVE else now
            self._seconds[self._state] += now - self._since
            self._state, self._since, self._frame_at = state, now, now
            self._next_attempt_at = None if pause is None else now + pause
        for listener in self._listeners:
            listener(StateChange(state, at, self.trouble))
