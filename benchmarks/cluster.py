"""python -m benchmarks.cluster: what a Ray cluster costs, and how soon a lost node is made up for.

A head and three nodes on this machine, twelve cameras of a real RTSP server, an engine that finds
nothing. First a node is cut off by `kill -9` of all of its processes, then the head is killed, and
another one takes over. Then recordings are annotated by the bundled model, on the cluster and by
the plain command, in turn.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic
from typing import Any

import click
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.machine import cores
from benchmarks.material import find_clip
from benchmarks.result import Result
from detector.hardware.cpu import cpu_name
from tests.support.cameras import require_gstreamer, until
from tests.support.fleet_cameras import FPS, fleet_site, recorded, small_cameras
from tests.support.fleet_command import FleetCommand
from tests.support.paths import ROOT
from tests.support.ray_cluster import NODES, ClusterHolder, framelane

LOST = NODES[1]
WANTED_SECONDS = 30.0  # until the cameras of a lost node are live elsewhere
SPEED = re.compile(r"^(\d+) frames in ([\d.]+) s", re.M)


@click.command()
@click.option("--cameras", type=click.IntRange(6), default=12, show_default=True)
@click.option("--seconds", type=click.FloatRange(5), default=20.0, show_default=True, help="Each.")
@click.option("--recordings", type=click.IntRange(2), default=8, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=2, show_default=True)
def main(cameras: int, seconds: float, recordings: int, rounds: int) -> None:
    """Print what was measured, and whether it is as wanted."""
    require_gstreamer()
    load = os.getloadavg()[0]
    click.echo(f"{cores()} cores of {cpu_name()}, load {load:.1f} before; {cameras} cameras")
    with TemporaryDirectory() as folder, ClusterHolder() as clusters:
        measured = chain(
            _fleet(Path(folder, "fleet"), clusters, cameras, seconds),
            _library(Path(folder, "library"), clusters, recordings, rounds),
        )
        failed = 0
        for result in measured:
            click.echo(result)
            failed |= result.holds is False
    sys.exit(failed)


def _fleet(folder: Path, clusters: ClusterHolder, count: int, seconds: float) -> Iterator[Result]:
    folder.mkdir()
    with small_cameras(folder, count) as server:
        fleet = FleetCommand(folder, fleet_site(server, count, folder))
        try:
            fleet.start(clusters.now.address)
            until(fleet.all_live, "all cameras live")
            Event().wait(seconds)
            yield from _lose_a_node(fleet, clusters, seconds)
            yield from _lose_the_head(fleet, clusters, seconds)
        finally:
            fleet.clean_up()
        yield _files(fleet, count)


def _lose_a_node(fleet: FleetCommand, clusters: ClusterHolder, seconds: float) -> Iterator[Result]:
    before = fleet.epochs()
    lost = {name for name, (node, _) in before.items() if node == LOST}
    usual = _p95_during(fleet, set(before) - lost, seconds)
    pid = fleet.pid_of(LOST)
    began = monotonic()
    os.kill(pid, SIGKILL)
    clusters.now.tell(remove=LOST)
    until(
        lambda: all(fleet.epochs()[name][0] != LOST for name in lost) and fleet.all_live(),
        "the cameras of the lost node elsewhere",
    )
    took = monotonic() - began
    yield Result(
        f"{len(lost)} cameras of a lost node live elsewhere after",
        f"{took:.1f} s",
        f"<= {WANTED_SECONDS:.0f} s",
        took <= WANTED_SECONDS,
    )
    after = _p95_during(fleet, set(before) - lost, seconds)
    yield Result(
        "p95 of the other cameras, before and after",
        f"{usual * 1e3:.0f} ms, {after * 1e3:.0f} ms",
        f"moves by less than {1e3 / FPS:.0f} ms",
        abs(after - usual) < 1 / FPS,
    )
    restarted = {name for name, epoch in fleet.epochs().items() if epoch != before[name]} - lost
    yield Result("other cameras that were restarted", str(len(restarted)), "0", not restarted)
    clusters.now.tell(add=LOST)


def _lose_the_head(
    fleet: FleetCommand, clusters: ClusterHolder, seconds: float
) -> Iterator[Result]:
    before, nodes = fleet.epochs(), [node for node in NODES if node != LOST]
    clusters.now.tell(kill_head=True)
    counts = {node: fleet.packets(node) for node in nodes}
    began = monotonic()
    Event().wait(seconds)
    grown = [
        (fleet.packets(node)[name] - count) / (monotonic() - began)
        for node in nodes
        for name, count in counts[node].items()
    ]
    yield Result(
        "recorded without a head, packets per second",
        f"{min(grown):.1f} to {max(grown):.1f}",
        f"{FPS}",
        min(grown) > 0.9 * FPS,
    )
    until(lambda: fleet.process.poll() is not None, "the end of the command without a head")
    fleet.start(clusters.renew().address)
    until(fleet.all_live, "the new head's view of all cameras")
    changed = sum(epoch != before[name] for name, epoch in fleet.epochs().items())
    lost_connections = sum(each["connections"] != 1 for each in fleet.cameras().values())
    yield Result(
        "cameras that the new head restarted, reconnected",
        f"{changed}, {lost_connections}",
        "0, 0",
        not changed and not lost_connections,
    )
    left_out = _recording(fleet, "packets") - _recording(fleet, "recorded")
    yield Result("packets that are not in files yet", f"{left_out}")
    assert fleet.command("stop")[0] == 0
    until(lambda: not fleet.pids(), "the end of all nodes")


def _recording(fleet: FleetCommand, key: str) -> int:
    return sum(camera["recording"][key] for camera in fleet.cameras().values())


def _files(fleet: FleetCommand, count: int) -> Result:
    """Read all recordings: each camera has some, and no lease has those of another."""
    counts = [recorded(fleet.folder, f"cam{number}") for number in range(count)]
    total = sum(sum(each.values()) for each in counts)
    leases = sum(len(each) for each in counts)
    return Result("packets that FFmpeg reads in the recordings", f"{total} of {leases} leases")


def _p95_during(fleet: FleetCommand, cameras: set[str], seconds: float) -> float:
    """Return the 95th percentile of the latency of some cameras during a while, in seconds."""
    before = _buckets(fleet, cameras)
    Event().wait(seconds)
    after = _buckets(fleet, cameras)
    counts = {bound: after[bound] - before.get(bound, 0.0) for bound in sorted(after)}
    wanted, below, lower = 0.95 * counts[float("inf")], 0.0, 0.0
    for bound, count in counts.items():
        if count >= wanted:
            share = (wanted - below) / max(1.0, count - below)
            return lower + share * (min(bound, 2 * lower or bound) - lower)
        below, lower = count, bound
    return lower


def _buckets(fleet: FleetCommand, cameras: set[str]) -> dict[float, float]:
    """Return how many frames had at most a latency, by latency in seconds."""
    found: dict[float, float] = {}
    for family in text_string_to_metric_families(fleet.get("/metrics")):
        for sample in family.samples:
            if (
                sample.name == "framelane_latency_seconds_bucket"
                and sample.labels["camera"] in cameras
            ):
                bound = float(sample.labels["le"])
                found[bound] = found.get(bound, 0.0) + sample.value
    return found


def _library(folder: Path, clusters: ClusterHolder, count: int, rounds: int) -> Iterator[Result]:
    folder.mkdir()
    clip = find_clip(ROOT / "build/bench")
    for number in range(count):
        (folder / f"r{number}.mp4").symlink_to(clip)
    address = clusters.now.address
    for workers in (1, 2):
        speeds: Mapping[str, list[float]] = {"plain": [], "cluster": []}
        for number in range(rounds):
            for name, words in (("plain", ()), ("cluster", ("--cluster", address))):
                out = folder / f"{name}-{workers}-{number}"
                speeds[name].append(_annotate(folder, out, workers, *words))
        ratio = sum(speeds["cluster"]) / sum(speeds["plain"])
        shown = ", ".join(f"{name} {_list(each)}" for name, each in speeds.items())
        yield Result(f"frames/s with {workers} workers", shown)
        yield Result(
            f"cluster / plain, {workers} workers", f"{ratio:.2f}", ">= 0.95", ratio >= 0.95
        )


def _list(numbers: list[float]) -> str:
    return "/".join(f"{number:.1f}" for number in numbers)


def _annotate(folder: Path, out: Path, workers: int, *words: str) -> float:
    """Annotate all recordings, and return the frames per second."""
    line = ["annotate", "*.mp4", "--output", f"{out}/{{path}}.jsonl", "--workers", str(workers)]
    process: Any = framelane(*line, *words, cwd=folder)
    text, errors = process.communicate()
    found = SPEED.search(text)
    assert process.returncode == 0 and found, errors
    return int(found[1]) / float(found[2])


if __name__ == "__main__":
    main()
