"""python -m benchmarks.gstreamer: what decoding in a child process costs, and 50 restarts of it.

One clip of H.264 at 1080p is decoded by FFmpeg in this process, by GStreamer alone, and by
GStreamer in a child whose frames come through shared memory. All decode in software with one
thread. What the last one takes more than the second is the cost of shared memory: packets to the
child, a copy of each frame, messages, and Python on both sides. A start is said beside it: each way
decodes a few frames, too, and the difference between both counts by frame.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import statistics
import subprocess
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from time import monotonic, process_time

import av
import click

from benchmarks.machine import cores
from benchmarks.material import find_clip
from benchmarks.result import Result
from detector.hardware.cpu import cpu_name
from pipeline.gstreamer.decoder import GStreamerDecoder
from pipeline.gstreamer.elements import decoders
from pipeline.gstreamer.system_python import SYSTEM_PYTHON
from pipeline.memory_limits import MAX_PIXELS
from tests.support.paths import ROOT

SIZE = (1920, 1080)
FRAMES = 300
FEW = 3  # frames, to see what a start costs
BITS_PER_SECOND = 6_000_000  # as many cameras send
RESTARTS = 50
MOST = 0.1  # of decoding
MOST_GROWTH = 2.0  # MB in 50 restarts: less than one frame has
ALONE = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
pipeline = Gst.parse_launch(
    f"filesrc location={sys.argv[1]} ! matroskademux ! h264parse ! {sys.argv[2]} name=decoder "
    "! videoconvert ! video/x-raw,format=(string){NV12,I420} ! fakesink sync=false")
decoder = pipeline.get_by_name("decoder")
if decoder.find_property("max-threads"):
    decoder.set_property("max-threads", 1)
pipeline.set_state(Gst.State.PLAYING)
ends = Gst.MessageType.EOS | Gst.MessageType.ERROR
pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, ends)
pipeline.set_state(Gst.State.NULL)
"""


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
def main(rounds: int) -> None:
    """Print CPU time per frame of each way to decode, and what is left after 50 restarts."""
    clip = _clip(ROOT / "build" / "bench", FRAMES)
    short = _clip(ROOT / "build" / "bench", FEW)
    element = (decoders() or {})["h264"][0]
    ways: dict[str, Callable[[Path, int], None]] = {
        "FFmpeg in this process": _by_ffmpeg,
        f"GStreamer alone ({element})": lambda clip, _: _alone(clip, element),
        f"GStreamer in a child ({element})": _in_child,
    }
    starts: dict[str, list[float]] = {way: [] for way in ways}
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            few = _milliseconds(partial(run, short, FEW))
            all_ = _milliseconds(partial(run, clip, FRAMES))
            found[way].append((all_ - few) / (FRAMES - FEW))
            starts[way].append(few - FEW * found[way][-1])
    size = f"{SIZE[0]}x{SIZE[1]}"
    click.echo(f"{cores()} cores of {cpu_name()}; {size}, {FRAMES} frames, median of {rounds}")
    medians = [statistics.median(times) for times in found.values()]
    for way, times in found.items():
        spread = f"({min(times):.2f} to {max(times):.2f})"
        start = f"a start {statistics.median(starts[way]):.0f} ms"
        frame = f"{statistics.median(times):.2f} ms of CPU per frame {spread}"
        click.echo(Result(way, f"{frame}, {start}"))
    share = (medians[2] - medians[1]) / medians[1]
    what = "shared memory beside decoding"
    click.echo(Result(what, f"{share:.0%}", f"at most {MOST:.0%}", share <= MOST))
    click.echo(_restarts(clip))


def _milliseconds(run: Callable[[], None]) -> float:
    """Return the CPU milliseconds of this process and of its children."""
    began = process_time() + _of_children()
    run()
    return (process_time() + _of_children() - began) * 1e3


def _of_children() -> float:
    """Return the CPU seconds of the child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _by_ffmpeg(clip: Path, frames: int) -> None:
    with av.open(str(clip)) as container:
        container.streams.video[0].thread_count = 1
        assert sum(1 for _ in container.decode(video=0)) == frames


def _alone(clip: Path, element: str) -> None:
    subprocess.run([SYSTEM_PYTHON, "-c", ALONE, str(clip), element], check=True)


def _in_child(clip: Path, frames: int) -> None:
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        decoder = GStreamerDecoder(video.codec_context, MAX_PIXELS)
        count = 0
        for packet in container.demux(video):
            count += len(decoder.decode(packet if packet.size else None))
            if count >= frames:
                break
        del decoder  # the child ends
        assert count >= frames


def _restarts(clip: Path) -> Result:
    _in_child(clip, 3)
    gc.collect()
    memory, files = _memory(), len(os.listdir("/proc/self/fd"))
    began = monotonic()
    for _ in range(RESTARTS):
        _in_child(clip, 3)
    seconds = (monotonic() - began) / RESTARTS
    gc.collect()
    grown, opened = _memory() - memory, len(os.listdir("/proc/self/fd")) - files
    found = f"{grown:+.1f} MB, {opened:+d} open files, {seconds:.2f} s each"
    holds = grown <= MOST_GROWTH and opened == 0
    return Result(f"{RESTARTS} restarts", found, f"at most {MOST_GROWTH:.0f} MB, no files", holds)


def _memory() -> float:
    """Return the resident memory of this process in MB, without freed memory that glibc keeps."""
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _clip(folder: Path, frames: int) -> Path:
    """Return the first frames of the clip of all benchmarks, scaled up; made once."""
    path = folder / f"gstreamer-6M-{frames}.mkv"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.mkv")
    with av.open(str(find_clip(folder))) as source, av.open(str(part), "w") as target:
        video = target.add_stream("libx264", rate=Fraction(25))
        video.width, video.height = SIZE
        video.pix_fmt, video.options = "yuv420p", {"preset": "veryfast", "g": "50"}
        video.bit_rate = BITS_PER_SECOND
        for index, frame in zip(range(frames), source.decode(video=0), strict=False):
            larger = frame.reformat(*SIZE)
            larger.pts, larger.time_base = index, Fraction(1, 25)
            target.mux(video.encode(larger))
        target.mux(video.encode(None))
    part.rename(path)
    return path


if __name__ == "__main__":
    main()
