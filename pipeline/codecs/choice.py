"""What decodes a source: the names that a user can give, and what became of the choice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, Literal

from detector.errors import FramelaneError
from pipeline.codecs.contexts import HARDWARE, Hardware

_log = logging.getLogger("framelane")

DecoderName = Literal["auto", "software", "cuda", "vaapi", "qsv", "gstreamer"]
SOFTWARE = "software"
MAX_BREAKS = 3  # in a row, of one source; after them a decoder is not tried again
STEADY_SECONDS = 60.0  # in which a decoder does not break: earlier breaks do not count any more


class DecoderError(FramelaneError):
    """The decoder that a user asked for cannot decode the source: one line that says why."""


class DecoderChoice:
    """What was asked for of one source, what is used, and why; any thread may read it.

    asked: the user's choice
    shown: the source, as it may be shown
    hardware: what the machine has; tests give their own
    gpu: the GPU on which frames stay where the decoder can leave them there, because the engine
        takes them there; None: all come to the host. To be set before the source is opened
    clock: seconds that never go back
    """

    def __init__(
        self,
        asked: DecoderName,
        shown: str,
        hardware: Hardware = HARDWARE,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.asked = asked
        self.used = SOFTWARE
        self.hardware = hardware
        self.gpu: int | None = None
        self._shown = shown
        self._refused: dict[str, str] = {}  # decoder -> why it is not used
        self._breaks: dict[str, int] = {}
        self._clock = clock
        self._proved_at: float | None = None  # the last time

    @property
    def why(self) -> str:
        """Why no other decoder is used; empty if none was asked for."""
        return "; ".join(f"{name}: {reason}" for name, reason in self._refused.items())

    def figures(self) -> dict[str, Any]:
        """Return what is used and why, ready for JSON."""
        return {"asked": self.asked, "used": self.used, "why": self.why}

    def check(self) -> None:
        """Raise DecoderError if the machine lacks the decoder that was asked for by its name."""
        if self.asked != "auto":
            self.candidates()

    def candidates(self) -> list[str]:
        """Return the decoders to try, best first; without one, software decodes.

        Raises DecoderError if the machine lacks the one that was asked for.
        """
        if self.asked == SOFTWARE:
            return []
        names = self.hardware.names if self.asked == "auto" else (self.asked,)
        for name in names:
            if name not in self._refused and (obstacle := self.hardware.obstacle(name)):
                self._refuse(name, obstacle)
        return [name for name in names if name not in self._refused]

    def refuse(self, name: str, reason: str) -> None:
        """Note that a decoder cannot decode this source; raises DecoderError if it was asked for.

        reason: in words
        """
        _log.info("%s: not decoded by %s: %s", self._shown, name, reason)
        self._refuse(name, reason)

    def proved(self, name: str) -> None:
        """Note that a decoder decodes this source as the software decoder does."""
        if self.used != name:
            _log.info("%s: decoded by %s", self._shown, name)
        self.used, self._proved_at = name, self._clock()

    def broke(self, name: str, reason: str) -> None:
        """Note that a decoder failed in the middle, and that software goes on."""
        self.used = SOFTWARE
        if self._proved_at is not None and self._clock() - self._proved_at >= STEADY_SECONDS:
            self._breaks.pop(name, None)
        self._breaks[name] = self._breaks.get(name, 0) + 1
        _log.warning("%s: the decoder %s broke (%s): software goes on", self._shown, name, reason)
        if self._breaks[name] >= MAX_BREAKS:
            self._refused[name] = f"it broke {MAX_BREAKS} times, last: {reason}"

    def _refuse(self, name: str, reason: str) -> None:
        self._refused[name] = reason
        if self.asked == name and self._proved_at is None:
            raise DecoderError(f"{self._shown}: decoder: {name}: {reason}: choose auto or software")
