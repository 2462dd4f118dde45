"""python -m benchmarks.cluster_library: a library on a Ray cluster that loses workers and a node.

Short recordings: all awkward ones of the test data, pieces of street videos, and one that kills
each of its workers. Once a third of the outputs is there, a worker is killed in its work; after two
thirds, a node is removed with all of its workers. Then the command runs again, on the cluster with
nothing to do and with one recording to do, and on this machine with all of them, for comparison.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import click

from benchmarks.machine import cores
from benchmarks.result import Result
from detector.hardware.cpu import cpu_name
from tests.support.cameras import until
from tests.support.ffmpeg import times_by_ffprobe
from tests.support.library import (
    annotate_line,
    children,
    counts_in,
    held,
    is_alive,
    kill,
    processes,
    reader_of,
    started,
)
from tests.support.paths import data_folder
from tests.support.ray_cluster import NODES, ClusterHolder, RayCluster, framelane
from tests.support.recordings import write_recording

KILLER, CHANGED = "killer.mp4", "changed.mp4"
ATTEMPTS = 3  # after which it is set aside
PIECE_SECONDS = 2
TEXT, VIDEO = ("jsonl", "txt"), "mp4"
OUTPUTS = [
    word for each in (*TEXT, VIDEO) for word in ("--output", f"out/{{path}}-{{suffix}}.{each}")
]
WORDS = ["in", KILLER, *OUTPUTS]


@click.command()
@click.option("--recordings", type=click.IntRange(6), default=60, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=3, show_default=True)
def main(recordings: int, workers: int) -> None:
    """Print what became of the recordings, and whether it is as wanted."""
    load = os.getloadavg()[0]
    click.echo(f"{cores()} cores of {cpu_name()}, load {load:.1f} before; {len(NODES)} nodes")
    with TemporaryDirectory() as name, ClusterHolder() as clusters:
        folder = Path(name)
        write_recordings(folder / "in", recordings - 1)
        failed = 0
        for result in _results(clusters.now, folder, workers):
            click.echo(result)
            failed |= result.holds is False
    sys.exit(failed)


def write_recordings(folder: Path, number: int) -> None:
    """Fill a folder: awkward recordings and pieces of street videos, or drawn ones without them."""
    folder.mkdir()
    data = data_folder()
    awkward = sorted((data / "awkward").glob("*.*"))[: number - 1]
    for path in awkward:
        shutil.copyfile(path, folder / path.name)
    write_recording(folder / CHANGED)
    videos = sorted((data / "street/videos").glob("*.mp4"))
    for k in range(number - 1 - len(awkward)):
        path = folder / f"piece{k:02}.mp4"
        if videos:
            _cut(videos[k % len(videos)], PIECE_SECONDS * (k // len(videos)), path)
        else:
            write_recording(path, frames=20 + k)


def _cut(video: Path, second: int, piece: Path) -> None:
    """Copy some seconds of a video, without decoding them."""
    line = ["ffmpeg", "-v", "error", "-ss", str(second), "-i", str(video), "-t", str(PIECE_SECONDS)]
    subprocess.run([*line, "-c", "copy", "-an", str(piece)], check=True)


def _results(cluster: RayCluster, folder: Path, workers: int) -> Iterator[Result]:
    total = len(list((folder / "in").iterdir())) + 1
    on_cluster = ["--cluster", cluster.address, "--workers", str(workers)]
    with held(folder / KILLER), _Replacements(folder / "out") as replaced:
        first = _while_workers_die(cluster, folder, total, on_cluster)
    yield _added_up("on the cluster", first, total)
    yield Result("recordings set aside", f"{first['set aside']}", "1", first["set aside"] == 1)
    yield _none("outputs written twice under their final name", sorted(replaced.names))
    yield _none("unfinished outputs", [path.name for path in folder.rglob("*.part")])
    again = _annotated(folder, on_cluster)
    yield Result("a second run does", f"{again['done']}", "0", again["done"] == 0)
    (folder / "in" / CHANGED).touch()
    touched = _annotated(folder, on_cluster)
    yield Result("a run after a touch of one does", f"{touched['done']}", "0", touched["done"] == 0)
    write_recording(folder / "in" / CHANGED, frames=20)
    third = _annotated(folder, on_cluster)
    yield Result("a run after a change of one does", f"{third['done']}", "1", third["done"] == 1)
    (folder / "out").rename(folder / "cluster")
    here = _here(folder)
    yield _added_up("on this machine", here, total)
    yield Result("the same fates on both", f"{here == first}", "True", here == first)
    yield from _compared(folder / "cluster", folder / "out")


def _while_workers_die(
    cluster: RayCluster, folder: Path, total: int, on_cluster: Sequence[str]
) -> dict[str, int]:
    process = framelane("annotate", *WORDS, *on_cluster, cwd=folder)
    kill(_at_work(folder, total // 3, process))
    pid = _at_work(folder, 2 * total // 3, process)
    cluster.tell(remove_node_of=pid)
    until(lambda: not is_alive(pid), "the end of a worker without a node")
    return _after_kills(folder / KILLER, processes, process)


def _at_work(folder: Path, number: int, process: subprocess.Popen[str]) -> int:
    """Wait until so many recordings are done, and return a worker that reads another one."""
    while len(list(folder.glob("out/*.jsonl"))) < number:
        assert process.poll() is None, process.communicate()
        Event().wait(0.1)
    return reader_of(folder / "in", processes, process)


def _here(folder: Path) -> dict[str, int]:
    """Run the plain command."""
    killer = folder / KILLER
    killer.unlink()
    with held(killer), started(annotate_line(*WORDS), folder) as process:
        return _after_kills(killer, lambda: children(process.pid), process)


def _after_kills(
    killer: Path, workers: Callable[[], set[int]], process: subprocess.Popen[str]
) -> dict[str, int]:
    """Kill each worker that reads a file, and return what became of the recordings."""
    for _ in range(ATTEMPTS):
        kill(reader_of(killer, workers, process))
    out, _ = process.communicate()
    click.echo(out)
    return counts_in(out)


def _annotated(folder: Path, on_cluster: Sequence[str]) -> dict[str, int]:
    return counts_in(framelane("annotate", *WORDS, *on_cluster, cwd=folder).communicate()[0])


class _Replacements:
    """Watches a folder: `names` of the files that were replaced after they had their name."""

    def __init__(self, folder: Path) -> None:
        self.names: set[str] = set()
        self._folder = folder
        self._first: dict[str, int] = {}
        self._ended = Event()
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> _Replacements:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            for suffix in (*TEXT, VIDEO):
                for path in self._folder.glob(f"*.{suffix}"):
                    number = path.stat().st_ino
                    if self._first.setdefault(path.name, number) != number:
                        self.names.add(path.name)


def _added_up(where: str, counts: dict[str, int], total: int) -> Result:
    fates = {name: number for name, number in counts.items() if name != "total"}
    shown = ", ".join(f"{number} {name}" for name, number in fates.items() if number)
    return Result(where, shown, f"{total} in all", sum(fates.values()) == total == counts["total"])


def _none(what: str, names: Sequence[str]) -> Result:
    return Result(what, ", ".join(names) or "none", "none", not names)


def _compared(one: Path, other: Path) -> Iterator[Result]:
    """Compare outputs: text by its bytes, video by the times of its frames."""
    for suffix in (*TEXT, VIDEO):
        is_video = suffix == VIDEO
        content = times_by_ffprobe if is_video else Path.read_bytes
        names = [{path.name for path in folder.glob(f"*.{suffix}")} for folder in (one, other)]
        both = names[0] & names[1]
        same = sum(content(one / name) == content(other / name) for name in both)
        every = len(names[0] | names[1])
        yield Result(
            f".{suffix} equal {'frame time for frame time' if is_video else 'byte for byte'}",
            f"{same} of {every}",
            "all",
            same == every > 0,
        )


if __name__ == "__main__":
    main()
