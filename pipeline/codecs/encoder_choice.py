"""Which encoder of H.264 a sink uses: the first that keeps what its use needs, on this machine."""

from __future__ import annotations

import logging
from threading import Lock

from detector.errors import FramelaneError
from pipeline.codecs.encoders import H264, Encoder, automatic, encoder_named
from pipeline.codecs.trial import Use, encoding_obstacle, opening_obstacle
from pipeline.gstreamer.elements import is_for_jetson

_log = logging.getLogger("framelane")
_WHAT = {"live": "live video is", "file": "files are"}


class EncoderError(FramelaneError):
    """No encoder does what is asked for: one line that says why."""


class EncoderChoice:
    """The encoders that work here for one use, best first; each is tried once in a process.

    Called from any thread: streams that start together wait for one trial.
    """

    def __init__(self, use: Use) -> None:
        self._use: Use = use
        self._names: list[str] | None = None
        self._lock = Lock()

    def names(self) -> list[str]:
        """Return their names; raises EncoderError if there are none."""
        with self._lock:
            if self._names is None:
                tried = {
                    name: encoding_obstacle(H264[name], self._use)
                    for name in automatic(jetson=is_for_jetson())
                }
                self._names = [name for name, obstacle in tried.items() if obstacle is None]
                if not self._names:
                    why = "; ".join(f"{name}: {obstacle}" for name, obstacle in tried.items())
                    raise EncoderError(f"no encoder works here: {why}")
                if self._use == "live" or self._names[0] != "software":
                    _log.info("%s encoded by %s", _WHAT[self._use], self._names[0])
            return self._names

    def check(self, asked: str, output: str) -> None:
        """Try what will be needed, before the first frame would have to wait for that.

        asked: the user's choice; output: as it may be shown
        Raises EncoderError if it does not work.
        """
        name = encoder_named(asked)
        if name == "auto":
            self.names()
        elif obstacle := encoding_obstacle(H264[name], self._use):
            raise EncoderError(_refusal(output, name, obstacle))

    def encoder(self, asked: str, output: str, size: tuple[int, int]) -> tuple[str, Encoder]:
        """Return name and encoder for frames of a size (width, height), both even.

        Some encoders do not take every size, or only a few streams at the same time; with `auto`
        the next one is taken then. Raises EncoderError.
        """
        self.check(asked, output)
        wanted = encoder_named(asked)
        for name in self.names() if wanted == "auto" else [wanted]:
            obstacle = None
            if name != "software":
                obstacle = opening_obstacle(H264[name], self._use, size)
            if obstacle is None:
                return name, H264[name]
            _log.info("%s: not encoded by %s: %s", output, name, obstacle)
        raise EncoderError(_refusal(output, wanted, f"it does not take {size[0]}x{size[1]} pixels"))


def _refusal(output: str, name: str, obstacle: str) -> str:
    return f"output '{output}': encoder: {name}: {obstacle}: choose auto or software"


LIVE, FILE = EncoderChoice("live"), EncoderChoice("file")  # of this process
