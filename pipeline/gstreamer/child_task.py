"""What a child process does for us: what it has not taken yet, and what it answers."""

from __future__ import annotations

from time import monotonic

from pipeline.gstreamer.child_process import ChildProcess, Message, ProcessLost

START_SECONDS = 20.0  # for Python, GStreamer and its registry on a slow board
ANSWER_SECONDS = 5.0  # for a packet or a frame; a child that takes longer hangs
HARDWARE_SECONDS = 0.03  # that a result may come after what it is made of was taken


class ChildTask:
    """The part of a decoder and of an encoder that is the same; a subclass sets `_process`."""

    _process: ChildProcess

    def __init__(self) -> None:
        self.element: str | None = None  # that works, once known
        self._in_hardware = False
        self._waiting = 0  # messages that the child has not taken yet

    @property
    def process(self) -> int:
        """The number of the child process."""
        return self._process.number

    def _hand_over(self, kind: bytes, content: bytes = b"") -> None:
        """Send what the child is to take."""
        self._process.send(kind, content, ANSWER_SECONDS)
        self._waiting += 1

    def _await_taken(self, allowed: int = 0, seconds: float = ANSWER_SECONDS) -> None:
        """Wait until the child has taken all but so many messages, or given out everything."""
        deadline = monotonic() + seconds
        while self._waiting > allowed:
            if not self._receive(deadline - monotonic()):
                raise ProcessLost(f"no answer for {seconds:g} s")

    def _receive(self, seconds: float) -> bool:
        """Heed the next message; return whether there was one in time."""
        message = self._process.receive(max(0.0, seconds))
        if message:
            self._heed(message)
        return message is not None

    def _heed(self, message: Message) -> None:
        match message.kind:
            case b"D":
                self._waiting -= 1
            case b"I":
                self.element = message.fields["element"]
                self._in_hardware = message.fields["hardware"]
            case _:
                raise ProcessLost(message.fields["text"])
