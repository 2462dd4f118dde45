"""A line on the terminal while a run goes on; nothing where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from time import monotonic

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pipeline.connections.status import Observed
from pipeline.graph import StreamStages
from pipeline.run import Run
from pipeline.runtime.runner import Pipeline

REFRESH_SECONDS = 0.25


def watch(run: Run, *looks: Callable[[], None]) -> None:
    """Wait for the end of the run; on a terminal, show frames, fps and backlog meanwhile.

    Live streams are shown with their states.
    looks: called often, such as to act on what signals asked for. Never waits for long at once: a
    signal that the system gave to another thread does not wake this one, and only this one handles
    it.
    """
    began_at = monotonic()
    console = Console(stderr=True, quiet=not sys.stderr.isatty())
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while not run.pipeline.wait(REFRESH_SECONDS):
            for look in looks:
                look()
            live.update(Text(_lines(run, monotonic() - began_at)), refresh=True)


def _lines(run: Run, seconds: float) -> str:
    return "\n".join([_line(run.pipeline, seconds), *_states(run.streams)])


def _states(streams: Iterable[StreamStages]) -> Iterator[str]:
    """Yield the state of each connection, to a camera or to a receiver."""
    for stream in streams:
        if stream.status:
            yield f"{stream.name}: {stream.status}"
        for output in stream.outputs:
            if isinstance(output.sink, Observed):
                yield f"{stream.name}/{output.name}: {output.sink.status}"


def _line(pipeline: Pipeline, seconds: float) -> str:
    balances = list(pipeline.ledger.balances.values())
    decoded = sum(balance.decoded for balance in balances)
    settled = sum(balance.settled for balance in balances)
    return f"{settled} frames, {settled / seconds:.1f} fps, backlog {max(0, decoded - settled)}"
