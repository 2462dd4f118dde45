"""A library on a real Ray cluster: the same results as on one machine, whatever dies meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL

import pytest

from tests.support.cameras import CAP, until
from tests.support.library import annotate_line, counts_in, ended, is_alive, readers, started
from tests.support.ray_cluster import ClusterHolder, framelane
from tests.support.recordings import write_recording

NAMES = [f"r{number}.mp4" for number in range(6)]
KILLED, VACATED = "killed.mp4", "vacated.mp4"
FORMATS = ("jsonl", "txt")
OUTPUTS = [word for each in FORMATS for word in ("--output", f"out/{{path}}.{each}")]


@contextmanager
def held(pipe: Path) -> Iterator[int]:
    """Wait until a worker waits for the content of a named pipe, and yield its process id."""
    opened: list[int] = []

    def is_read() -> bool:
        with suppress(OSError):
            opened.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return bool(opened)

    until(is_read, f"the opening of {pipe}")
    others = {int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()}
    until(lambda: readers(pipe, others - {os.getpid()}), "a reader")
    (pid,) = readers(pipe, others - {os.getpid()})
    write_recording(pipe.with_suffix(".new.mp4"), first=3).rename(pipe)  # for the next attempt
    yield pid
    os.close(opened[0])


def annotated_here(words: list[str], folder: Path) -> dict[str, int]:
    """Run the command on this machine, and return what became of the recordings."""
    with started(annotate_line(*words), folder) as process:
        return counts_in(ended(process, 5 * CAP)[1])


@pytest.mark.timeout(600)
def test_a_library_is_complete_although_a_worker_is_killed_and_a_node_leaves(
    clusters: ClusterHolder, tmp_path: Path
) -> None:
    cluster = clusters.now
    for number, name in enumerate(NAMES):
        write_recording(tmp_path / name, frames=20 + number)
    for name in (KILLED, VACATED):
        os.mkfifo(tmp_path / name)
    words = [*NAMES, KILLED, VACATED, *OUTPUTS, "--cluster", cluster.address, "--workers", "3"]
    process = framelane("annotate", *words, cwd=tmp_path)
    with held(tmp_path / KILLED) as pid:
        os.kill(pid, SIGKILL)
    with held(tmp_path / VACATED) as pid:
        cluster.tell(remove_node_of=pid)
        until(lambda: not is_alive(pid), "the end of a worker without a node")
    out, err = process.communicate(timeout=5 * CAP)
    assert process.returncode == 0, err
    assert counts_in(out)["done"] == counts_in(out)["total"] == len(NAMES) + 2
    assert not list(tmp_path.rglob("*.part"))
    results = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    here = [*NAMES, KILLED, VACATED, *OUTPUTS]  # one manifest, wherever the work is done
    assert annotated_here(here, tmp_path)["already done"] == len(NAMES) + 2
    write_recording(tmp_path / NAMES[0], frames=30)
    counts = annotated_here(here, tmp_path)
    assert (counts["done"], counts["already done"]) == (1, len(NAMES) + 1)

    write_recording(tmp_path / NAMES[0], frames=20)
    counts = annotated_here([*here, "--manifest", "other.sqlite"], tmp_path)
    assert counts["done"] == len(NAMES) + 2
    for path in (tmp_path / "out").iterdir():
        if path.suffix[1:] in FORMATS:
            assert path.read_bytes() == results[path.name], path.name
