"""A server that is killed repeatedly: each reconnect is quick, and nothing is left behind."""

from __future__ import annotations

import sys
from time import monotonic

import click

from benchmarks.live.figures import Claim, judge
from benchmarks.live.site import configuration, model_options, running_live, street
from benchmarks.live.watch import Sample, exact_ledger, flat_memory, nothing_left, sample
from tests.support.cameras import Server, until
from tests.support.runs import more_of, status

RETRY, MAX_RETRY = 0.5, 1.0  # seconds: pauses shorter than a connection lasts
GOP_SECONDS = 1.0
WARM_UP = 0.5  # share of the run until the heaps of the threads are full


@click.command()
@click.option("--times", type=click.IntRange(2), default=100, show_default=True)
@model_options
def reconnects(times: int, model: str, engine: str) -> None:
    """Kill and restart a camera's server: time until LIVE, and what is left behind."""
    began_at, lives, waits = monotonic(), list[Sample](), list[float]()
    with (
        Server({"cam": {"clip": street()}}) as server,
        running_live(
            configuration(
                {"cam": server.url("cam")},
                model,
                engine,
                retry_seconds=RETRY,
                max_retry_seconds=MAX_RETRY,
            )
        ) as run,
    ):
        camera = status(run, "cam")
        for life in range(1, times + 1):
            lives.append(sample(monotonic() - began_at))
            server.kill()
            until(lambda life=life: camera.causes.total() >= life)  # type: ignore[misc]
            server.start()
            back_at = monotonic()
            until(lambda life=life: camera.connections > life)  # type: ignore[misc]
            waits.append(monotonic() - back_at)
            more_of(run, "cam")
        lives.append(sample(monotonic() - began_at))
    sys.exit(
        judge(
            [
                _soon(waits),
                nothing_left(lives[1], lives[-1]),
                flat_memory(lives, warm_up=WARM_UP),
                exact_ledger(run),
            ]
        )
    )


def _soon(waits: list[float]) -> Claim:
    bound = 2 * MAX_RETRY + GOP_SECONDS
    words = f"{sorted(waits)[len(waits) // 2]:.1f} s, at most {max(waits):.1f} s"
    claim = f"LIVE again {len(waits)} times within 2 x {MAX_RETRY:g} s of backoff and a GOP"
    return Claim(claim, words, max(waits) <= bound)
