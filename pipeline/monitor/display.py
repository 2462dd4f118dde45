"""Progress on the terminal during a run; nothing if standard error is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from time import monotonic

from rich.console import Console
from rich.live import Live
from rich.text import Text

from detector.terminal import printable
from pipeline.graph import StreamStages
from pipeline.run import Run
from pipeline.runtime.runner import Pipeline

REFRESH_SECONDS = 0.25


def watch(run: Run, *looks: Callable[[], None]) -> None:
    """Wait for the end of the run; on a terminal, show frames, fps, backlog and connections.

    looks: called four times a second, for example to act on signals. Each wait is short because
        only the main thread runs signal handlers, and a signal that the system delivers to another
        thread does not wake it.
    """
    began_at = monotonic()
    console = Console(stderr=True, quiet=not (sys.stderr and sys.stderr.isatty()))
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while not run.pipeline.wait(REFRESH_SECONDS):
            for look in looks:
                look()
            live.update(Text(_lines(run, monotonic() - began_at)), refresh=True)


def _lines(run: Run, seconds: float) -> str:
    lines = [_line(run.pipeline, seconds), *_states(run.streams)]
    return "\n".join(printable(line) for line in lines)  # a cause may be in a camera's words


def _states(streams: Iterable[StreamStages]) -> Iterator[str]:
    """Yield the state of each connection to a camera or receiver."""
    for stream in streams:
        if stream.status:
            yield f"{stream.name}: {stream.status}"
        for output in stream.outputs:
            if output.sink.status:
                yield f"{stream.name}/{output.name}: {output.sink.status}"


def _line(pipeline: Pipeline, seconds: float) -> str:
    balances = list(pipeline.ledger.balances.values())
    decoded = sum(balance.decoded for balance in balances)
    settled = sum(balance.settled for balance in balances)
    return f"{settled} frames, {settled / seconds:.1f} fps, backlog {max(0, decoded - settled)}"
