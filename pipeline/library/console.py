"""Progress of a run over a library: a line that is rewritten on a terminal, else one at times."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from detector.terminal import printable
from pipeline.library.summary import explained
from pipeline.library.tally import Fate, Tally

LINE_SECONDS = 10.0  # between two lines where there is no terminal
MINUTE, HOUR = 60, 3600


class ProgressDisplay:
    """Shows how far a run is, and each failure when it happens, on standard error."""

    def __init__(self, tally: Tally, clock: Callable[[], float] = monotonic) -> None:
        self._tally = tally
        self._clock = clock
        self._began_at = self._shown_at = clock()
        is_terminal = bool(sys.stderr and sys.stderr.isatty())
        self._console = Console(stderr=True, soft_wrap=True, highlight=False)
        self._live = (
            Live(console=self._console, transient=True, auto_refresh=False) if is_terminal else None
        )

    @property
    def seconds(self) -> float:
        """How long the run has lasted."""
        return self._clock() - self._began_at

    def __enter__(self) -> ProgressDisplay:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.show_trouble()
        if self._live:
            self._live.stop()

    def look(self) -> None:
        """Show what is new."""
        self.show_trouble()
        if self._live:
            self._live.update(Text(progress_line(self._tally, self.seconds)), refresh=True)
        elif self._clock() - self._shown_at >= LINE_SECONDS:
            self._shown_at = self._clock()
            self._print(progress_line(self._tally, self.seconds))

    def show_trouble(self) -> None:
        """Show the recordings that failed since the last call."""
        while self._tally.unshown:
            result = self._tally.unshown.popleft()
            self._print(f"{result.task.recording.shown}: {explained(result)}")

    def _print(self, line: str) -> None:
        self._console.print(Text(printable(line)))


def progress_line(tally: Tally, seconds: float) -> str:
    """Return how far a run is, and how busy its machines are.

    seconds: since its start
    """
    settled = sum(tally.counts.values())
    failed = tally.counts[Fate.FAILED] + tally.counts[Fate.QUARANTINED]
    frames = tally.frames_so_far
    parts = [
        f"{settled} of {tally.total} recordings" + (f", {failed} failed" if failed else ""),
        f"{frames} frames, {frames / max(seconds, 0.001):.1f} frames/s",
    ]
    if load := str(tally.load):
        parts.append(load)
    if (left := tally.seconds_left(seconds)) is not None:
        parts.append(f"about {in_words(left)} left")
    return "; ".join(parts)


def in_words(seconds: float) -> str:
    """Return a duration as a person says it: `40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 2 * MINUTE:
        return f"{max(1, round(seconds))} s"
    if seconds < 2 * HOUR:
        return f"{round(seconds / MINUTE)} min"
    hours, rest = divmod(round(seconds / MINUTE), MINUTE)
    return f"{hours} h {rest} min"
