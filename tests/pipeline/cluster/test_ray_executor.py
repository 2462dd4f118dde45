"""A library on a real Ray cluster: the same results as on one machine, whatever dies meanwhile.

`python -m benchmarks.cluster_library` does the same with many real and awkward recordings.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cameras import CAP, until
from tests.support.library import (
    annotate_line,
    counts_in,
    ended,
    held,
    is_alive,
    kill,
    processes,
    reader_of,
    started,
)
from tests.support.ray_cluster import ClusterHolder, framelane
from tests.support.recordings import write_recording

NAMES = [f"r{number}.mp4" for number in range(6)]
KILLED, VACATED = "killed.mp4", "vacated.mp4"
FORMATS = ("jsonl", "txt")
OUTPUTS = [word for each in FORMATS for word in ("--output", f"out/{{path}}.{each}")]
SHARED = [*NAMES, KILLED, VACATED, *OUTPUTS, "--engine", "fake"]


def annotated_here(folder: Path, *words: str) -> dict[str, int]:
    """Run the command on this machine, and return what became of the recordings."""
    with started(annotate_line(*SHARED, *words), folder) as process:
        return counts_in(ended(process, 5 * CAP)[1])


def become_recording(pipe: Path) -> None:
    """Put a recording in the place of a named pipe, for the next attempt."""
    write_recording(pipe.with_suffix(".new.mp4"), first=3).rename(pipe)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_library_is_complete_although_a_worker_is_killed_and_a_node_leaves(
    clusters: ClusterHolder, tmp_path: Path
) -> None:
    cluster = clusters.now
    for number, name in enumerate(NAMES):
        write_recording(tmp_path / name, frames=20 + number)
    killed, vacated = tmp_path / KILLED, tmp_path / VACATED
    words = [*SHARED, "--cluster", cluster.address, "--workers", "3"]
    with held(killed), held(vacated):
        process = framelane("annotate", *words, cwd=tmp_path)
        pid = reader_of(killed, processes, process)
        become_recording(killed)
        kill(pid)
        pid = reader_of(vacated, processes, process)
        become_recording(vacated)
        cluster.tell(remove_node_of=pid)
        until(lambda: not is_alive(pid), "the end of a worker without a node")
        out, err = process.communicate(timeout=5 * CAP)
    assert process.returncode == 0, err
    assert out.startswith(f"{len(NAMES) + 2} recordings: ")  # Ray prints nothing between
    assert counts_in(out)["done"] == counts_in(out)["total"] == len(NAMES) + 2
    assert not list(tmp_path.rglob("*.part"))
    results = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    write_recording(tmp_path / NAMES[0], frames=30)
    counts = annotated_here(tmp_path)  # one manifest, wherever the work is done
    assert (counts["done"], counts["already done"]) == (1, len(NAMES) + 1)
    write_recording(tmp_path / NAMES[0], frames=20)
    assert annotated_here(tmp_path, "--manifest", "other.sqlite")["done"] == len(NAMES) + 2
    for path in (tmp_path / "out").iterdir():
        if path.suffix[1:] in FORMATS:
            assert path.read_bytes() == results[path.name], path.name
