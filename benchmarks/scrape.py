"""What a scrape of /metrics costs with 50 cameras: `python -m benchmarks.scrape`.

Four cameras send frames, the others do not answer. A scrape is required to take less than 50 ms.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path
from time import monotonic, sleep, thread_time

import click
import numpy as np

from benchmarks.machine import cores
from pipeline.web.metrics import RunCollector
from tests.support.runs import minimal_config, quick_clip, running_well

SENDING, SILENT = 4, 46
REQUIRED = 50.0  # milliseconds


@click.command()
@click.option("--times", default=200, show_default=True, help="Scrapes to measure.")
def main(times: int) -> None:
    """Measure scrapes, and exit with 1 if half of them take longer than required."""
    logging.disable(logging.WARNING)  # the cameras that do not answer
    with tempfile.TemporaryDirectory() as folder:
        sources = [
            *(quick_clip(10**9, name=f"drawn{k}", realtime=True) for k in range(SENDING)),
            *({"url": f"rtsp://127.0.0.1:9/{k}", "name": f"silent{k}"} for k in range(SILENT)),
        ]
        config = minimal_config(Path(folder), *sources)
        with running_well(config) as run:
            collector = RunCollector(run, config)
            sleep(5.0)  # until all of them have frames or failures
            taken, cpu = [], []
            for _ in range(times):
                began_at, cpu_before = monotonic(), thread_time()
                text = collector.text()
                taken.append((monotonic() - began_at) * 1e3)
                cpu.append((thread_time() - cpu_before) * 1e3)
                sleep(0.05)
    half, most = np.percentile(taken, [50, 95])
    print(f"{SENDING + SILENT} cameras, {len(text.splitlines())} lines, on {cores()} cores")
    print(f"a scrape takes {half:.1f} ms, 95 % at most {most:.1f} ms (asked: {REQUIRED:g})")
    print(f"of this, {np.median(cpu):.1f} ms are its own CPU time")
    sys.exit(int(half > REQUIRED))


if __name__ == "__main__":
    main()
