"""One trial: a number of cameras for some seconds, and whether they were sustained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_LATENCY = 0.5  # seconds, p99 of the slowest camera
MAX_LOST = 0.001  # of the frames sent: a frame that has not arrived at the end is no loss
MAX_MISSING = 0.02  # of the frames of a camera, besides those under way
UNDER_WAY = 3  # frames of a camera, at the beginning or the end of a trial
MAX_LATE = 0.12  # seconds, from a look that is due to its result: later ones are worth less
SETTLE_SECONDS = 4.0  # after the last camera is connected: backgrounds are learnt


@dataclass(frozen=True, slots=True)
class Camera:
    """What became of a camera's frames in the measured time.

    fps: frames per second that should come out
    done: frames that came out; lost: with a reason; p99: seconds of latency
    looks, late: frames looked at; frames that rested while a look waited or was under way
    """

    fps: float
    done: int
    lost: int
    p99: float
    looks: int = 0
    late: int = 0

    def missing(self, seconds: float) -> float:
        """Return the share of the frames of this time that did not come out."""
        return max(0.0, 1 - self.done / seconds / self.fps)

    def left_behind(self, seconds: float) -> bool:
        """Whether more frames of this time are missing than are under way."""
        return self.missing(seconds) > MAX_MISSING + UNDER_WAY / seconds / self.fps


@dataclass(frozen=True, slots=True)
class Trial:
    """A number of cameras, measured for `seconds`.

    cores: that the program used; camera_cores: that the cameras used
    """

    cameras: Sequence[Camera]
    seconds: float
    cores: float
    camera_cores: float

    @property
    def p99(self) -> float:
        """Seconds of latency of the slowest camera."""
        return max(camera.p99 for camera in self.cameras)

    @property
    def missing(self) -> float:
        """The share of the frames that did not come out, of the worst camera."""
        return max(camera.missing(self.seconds) for camera in self.cameras)

    @property
    def lost(self) -> float:
        """The share of all frames that were dropped."""
        lost = sum(camera.lost for camera in self.cameras)
        return lost / max(1, lost + sum(camera.done for camera in self.cameras))

    @property
    def late(self) -> float:
        """How many seconds later the result of a look came, on average."""
        looks = sum(camera.looks for camera in self.cameras)
        return sum(camera.late / camera.fps for camera in self.cameras) / max(1, looks)

    @property
    def sustained(self) -> bool:
        """Whether nothing was lost, nothing late, and no camera left behind."""
        return (
            self.p99 <= MAX_LATENCY
            and self.lost <= MAX_LOST
            and not any(camera.left_behind(self.seconds) for camera in self.cameras)
            and self.late <= MAX_LATE
        )

    def __str__(self) -> str:
        looks = sum(camera.looks for camera in self.cameras) / self.seconds / len(self.cameras)
        words = (
            f"p99 {self.p99 * 1e3:4.0f} ms, lost {self.lost:5.2%}, missing {self.missing:5.1%}, "
            f"cores {self.cores:.2f} + {self.camera_cores:.2f} for the cameras"
        )
        return f"{words}, {looks:.1f} looks/s, {self.late * 1e3:.0f} ms late" if looks else words
