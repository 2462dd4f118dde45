"""Libraries of recordings for tests: real and awkward files, and one that kills its workers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL
from threading import Event

from tests.support.cameras import until
from tests.support.paths import ROOT
from tests.support.recordings import write_recording

GOOD = {  # name in the library -> file of the data set
    "one_frame.mp4": "awkward/one_frame.mp4",
    "sub/tiny.mp4": "awkward/tiny_16x16.mp4",
    "sub/with space ü (1).mov": "awkward/decord_video_90.mov",
    "sub/deep/vfr.mp4": "awkward/vfr.mp4",
    "street/crossing.mp4": "street/videos/person-bicycle-car-detection.mp4",
    "street/cars.mp4": "street/videos/car-detection.mp4",
}
DAMAGED = "damaged.mp4"
BAD = {
    "empty.mp4": "awkward/empty.mp4",
    "text.mp4": "awkward/not_a_video.mp4",
    "sub/no_index.mp4": "awkward/truncated_no_moov.mp4",
}


def write_library(folder: Path, data: Path) -> Path:
    """Fill a folder with recordings, a link that leads back into it, and other files."""
    for name, file in (GOOD | BAD).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data / file, folder / name)
    content = bytearray(write_recording(folder / DAMAGED, frames=20).read_bytes())
    for k in range(len(content) // 2, len(content) // 2 + 400):
        content[k] ^= 0xA5
    (folder / DAMAGED).write_bytes(content)
    (folder / "sub/loop").symlink_to(folder)
    (folder / "notes.md").write_text("no recording")
    (folder / "._one_frame.mp4").write_text("a hidden file, as other systems leave them")
    return folder


def annotate_line(*words: str | Path) -> list[str]:
    """Return the command line of `framelane annotate`."""
    program = "from pipeline.commands.framelane import main; main()"
    return [sys.executable, "-c", program, "annotate", *map(str, words)]


@contextmanager
def started(line: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a folder; it is ended when the context is left."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        line,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def ended(process: subprocess.Popen[str], seconds: float) -> tuple[int, str, str]:
    """Wait for the end; return exit code, standard output and standard error."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def children(parent: int) -> set[int]:
    """Return the living processes that a process has started."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                state, ppid = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(ppid) == parent and state != "Z":
                    found.add(int(entry.name))
    return found


def processes() -> set[int]:
    """Return all processes but this one."""
    return {int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()} - {
        os.getpid()
    }


def is_alive(pid: int) -> bool:
    """Return whether a process runs."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def readers(path: Path, pids: set[int]) -> set[int]:
    """Return which of the processes have a file open; path: the file, or a folder above it."""
    found = set()
    for pid in pids:
        with suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    if Path(os.readlink(descriptor)).is_relative_to(path):
                        found.add(pid)
    return found


def reader_of(
    path: Path, workers: Callable[[], set[int]], process: subprocess.Popen[str] | None = None
) -> int:
    """Wait until one of the workers has a file open, and return its process id.

    path: the file, or a folder above it; process: the command, which must go on meanwhile
    """
    while not (found := readers(path, workers())):
        assert process is None or process.poll() is None, process.communicate()
        Event().wait(0.1)
    return found.pop()


@contextmanager
def held(pipe: Path) -> Iterator[None]:
    """Make a named pipe; its readers wait for its content."""
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    try:
        yield
    finally:
        os.close(writer)


def kill(pid: int) -> None:
    """Kill a worker with SIGKILL, and wait for its end."""
    os.kill(pid, SIGKILL)
    until(lambda: not is_alive(pid), "the end of a killed worker")


def counts_in(summary: str) -> dict[str, int]:
    """Return the numbers of recordings by fate from the end of a run, and their `total`."""
    total, counted = re.findall(r"^(\d+) recordings?: (.+)$", summary, re.M)[-1]
    fates = {name: int(number) for number, name in re.findall(r"(\d+) ([a-z ]+)", counted)}
    return fates | {"total": int(total)}
