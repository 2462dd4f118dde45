"""Observes a live run once a second: latency by window, memory, threads, log."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic, process_time

import click

from benchmarks.live.figures import Claim, grows, slope_per_minute
from benchmarks.machine import cores, idle_seconds
from pipeline.monitor.malloc_trim import MallocTrim
from pipeline.run import Run
from pipeline.runtime.stats import Histogram

LOOK_SECONDS = 1.0
WARM_UP = 0.2  # share of a run in which memory may still grow: caches fill
_PAGE = os.sysconf("SC_PAGE_SIZE")

Window = dict[str, Histogram]  # stream -> capture to sink


def window_seconds(minutes: float) -> float:
    """Return the length of a window: a minute, less in runs of a few minutes."""
    return min(60.0, minutes * 12)


def frames(windows: Sequence[Window]) -> int:
    """Return how many frames were emitted."""
    return sum(latency.count for window in windows for latency in window.values())


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process uses at one time; memory: resident bytes; threads: with native ones."""

    seconds: float
    memory: int
    threads: int
    descriptors: int


def sample(seconds: float = 0.0) -> Sample:
    """Return what this process uses now."""
    memory = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    threads, descriptors = (len(os.listdir(f"/proc/self/{what}")) for what in ("task", "fd"))
    return Sample(seconds, memory, threads, descriptors)


class Watch:
    """Observes a run, and divides its latency into windows."""

    def __init__(self, run: Run) -> None:
        self.samples: list[Sample] = []
        self.windows: list[Window] = []
        self.cut_at: list[float] = []  # seconds at which each window ended
        self.seconds = 0.0
        self._run = run
        self._tick = Event()
        self._trim = MallocTrim()  # as the command does
        self._before = self._latencies()

    def looks(self, seconds: float, window: float) -> Iterator[float]:
        """Yield the seconds since the start once a second, after a sample; window: seconds."""
        began_at, cpu, idle = monotonic(), process_time(), idle_seconds()
        while self.seconds < seconds:
            self._tick.wait(min(LOOK_SECONDS, seconds - self.seconds))
            self.seconds = monotonic() - began_at
            self._trim.look()
            self.samples.append(sample(self.seconds))
            if self.seconds >= min((len(self.windows) + 1) * window, seconds):
                self.cut()
            yield self.seconds
        self.cores_used = (process_time() - cpu) / self.seconds
        self.cores_idle = (idle_seconds() - idle) / self.seconds

    def cut(self) -> Window:
        """End a window, and return it."""
        now = self._latencies()
        window = {
            name: latency.since(self._before.get(name, Histogram()))
            for name, latency in now.items()
        }
        self._before = now
        self.windows.append(window)
        self.cut_at.append(self.seconds)
        return window

    def _latencies(self) -> Window:
        balances = dict(self._run.pipeline.ledger.balances)
        return {name: balance.latency.copy() for name, balance in balances.items()}


def show(watch: Watch, run: Run) -> None:
    """Print a line per window, the losses with their reasons, and the load of the machine."""
    names = list(watch.windows[0])
    memory = {each.seconds: each.memory / 1e6 for each in watch.samples}
    click.echo("latency ms, p50/p99, and memory at the end of each window")
    click.echo(f"{'until s':<10}" + "".join(f"{name:>10}" for name in [*names, "MB"]))
    for window, ended_at in zip(watch.windows, watch.cut_at, strict=True):
        spreads = "".join(f"{_spread(window[name]):>10}" for name in names if name in window)
        click.echo(f"{ended_at:<10.0f}{spreads}{memory[ended_at]:>10.0f}")
    click.echo("")
    for (stage, reason), count in sorted(_losses(run).items()):
        click.echo(f"{count} lost at {stage}: {reason}")
    click.echo(
        f"{cores()} cores: the run used {watch.cores_used:.2f}, {watch.cores_idle:.2f} were idle"
    )


def _losses(run: Run) -> Counter[tuple[str, str]]:
    """Return the lost frames of all streams, by stage and reason."""
    losses: Counter[tuple[str, str]] = Counter()
    for name, balance in run.pipeline.ledger.balances.items():
        for counted in (balance.skipped, balance.dropped, balance.failed):
            for (stage, reason), count in counted.items():
                losses[stage.removeprefix(f"{name}/"), reason] += count
    return losses


def _spread(latency: Histogram) -> str:
    return f"{latency.percentile(50) * 1e3:.0f}/{latency.percentile(99) * 1e3:.0f}"


def no_growth(windows: Sequence[Window]) -> Claim:
    """Claim that the slowest stream's p99 does not rise from window to window."""
    worst = [max(latency.percentile(99) for latency in window.values()) for window in windows]
    words = ", ".join(f"{seconds * 1e3:.0f}" for seconds in worst)
    return Claim("p99 has no upward trend", f"{words} ms", not grows(worst))


def flat_memory(
    samples: Sequence[Sample], max_slope: float = 1e6, *, warm_up: float = WARM_UP
) -> Claim:
    """Claim that memory grows by less than `max_slope` bytes per minute after the warm-up.

    warm_up: share of the time in which it may grow; a short run needs more
    """
    warm = [each for each in samples if each.seconds > warm_up * samples[-1].seconds]
    slope = slope_per_minute([each.seconds for each in warm], [each.memory for each in warm])
    words = f"{slope / 1e6:+.2f} MB a minute, {warm[-1].memory / 1e6:.0f} MB at the end"
    return Claim(
        f"memory grows by less than {max_slope / 1e6:g} MB a minute", words, slope < max_slope
    )


def nothing_left(first: Sample, last: Sample) -> Claim:
    """Claim that the numbers of threads and descriptors have not changed."""
    words = (
        f"{first.threads} and {last.threads} threads, "
        f"{first.descriptors} and {last.descriptors} descriptors"
    )
    same = (first.threads, first.descriptors) == (last.threads, last.descriptors)
    return Claim("no thread and no descriptor is left behind", words, same)


def exact_ledger(run: Run) -> Claim:
    """Claim that every frame of an ended run has one fate, and that no stage failed."""
    balances = [*run.pipeline.ledger.balances.values()]
    decoded = sum(balance.decoded for balance in balances)
    settled = sum(balance.settled for balance in balances)
    emitted = sum(balance.emitted for balance in balances)
    failures = [f"{failure.stage}: {failure.error}" for failure in run.pipeline.failures]
    words = f"{decoded} decoded, {settled} settled, {emitted} of them emitted"
    return Claim(
        "the ledger is exact, and no stage failed",
        "; ".join([words, *failures]),
        decoded == settled and not failures,
    )


class Lines(logging.Handler):
    """Records when each line of the log was written; numbers in lines are masked."""

    def __init__(self) -> None:
        super().__init__()
        self.written: defaultdict[str, list[float]] = defaultdict(list)

    def emit(self, record: logging.LogRecord) -> None:
        """Record one line, which begins with the name of its stream."""
        name, _, words = record.getMessage().partition(": ")
        self.written[f"{name}: " + re.sub(r"\d+(\.\d+)?", "#", words)].append(record.created)

    def __enter__(self) -> Lines:
        log = logging.getLogger("framelane")
        log.addHandler(self)
        log.setLevel(logging.INFO)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("framelane").removeHandler(self)
