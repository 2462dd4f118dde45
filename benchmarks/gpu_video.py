"""Video on a GPU: decoding alone, decoding and engine without a copy to the host, whole runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import cast

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from benchmarks.engine_speed import in_flight, noise
from benchmarks.material import find_large_clip
from benchmarks.result import Result
from detector.engines import Engine, FrameEngine, Pending
from detector.letterbox import Letterbox
from pipeline.assembly.run import build
from pipeline.codecs.contexts import HARDWARE, Decoder, Hardware, Unavailable
from pipeline.config import RunConfig
from pipeline.sources.conversion import FrameConverter

STREAMS = 8  # of a whole run: more than one, as a site has
CAMERA_FPS = 30.0
SHARE = 0.9  # wanted speed of a whole run of all streams, as a share of its engine's
FRAMES = 300  # of each stream
BATCHES = 1000  # to measure the engine alone
Opener = Callable[[VideoCodecContext], Decoder]


def decoded(clip: Path, open_decoder: Opener) -> Iterator[VideoFrame]:
    """Yield the frames of a clip, decoded by what `open_decoder` gives for it."""
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        video.codec_context.thread_count = 1
        decoder = open_decoder(video.codec_context)
        for packet in container.demux(video):
            yield from decoder.decode(packet)


OPENERS: dict[str, Opener] = {  # how a clip is decoded
    "software, one thread": lambda like: like,
    "cuda, to the host": lambda like: HARDWARE.open("cuda", like, {}),
    "cuda, on the GPU": lambda like: HARDWARE.open("cuda", like, {}, 0),
}


def decoding(clip: Path, openers: dict[str, Opener] = OPENERS) -> Iterator[Result]:
    """Yield the speed of decoding alone, in each way that works here."""
    for name, opener in openers.items():
        try:
            began_at, count = perf_counter(), sum(1 for _ in decoded(clip, opener))
        except (Unavailable, av.FFmpegError) as error:
            yield Result(f"decoding {clip.name}: {name}", f"not here: {error}")
            continue
        rate = count / (perf_counter() - began_at)
        cameras = int(rate / CAMERA_FPS)
        yield Result(
            f"decoding {clip.name}: {name}",
            f"{rate:.0f} frames/s: {cameras} cameras of {CAMERA_FPS:.0f} frames/s",
        )


def decoding_and_engine(
    name: str,
    engine: FrameEngine,
    clip: Path,
    opener: Opener,
    alone: float,
    hardware: Hardware = HARDWARE,
) -> Result:
    """Return the speed of decoding and engine, one frame after the other.

    alone: images per second of the engine; frames never leave the GPU
    """
    what = f"{name}: decoding and engine, on the GPU"
    converter = FrameConverter(clip.name, hardware)
    waiting: deque[Pending] = deque()
    began_at, count = perf_counter(), 0
    try:
        for frame in decoded(clip, opener):
            seen = converter.picture(frame).device
            if seen is None:
                return Result(
                    what, f"a frame is {frame}, which the kernel does not take", "", False
                )
            letterbox = Letterbox.fit((seen.height, seen.width), engine.manifest.input_size)
            if len(waiting) == engine.slots:
                waiting.popleft().result()
            waiting.append(engine.submit_frames([seen], [letterbox]))
            count += 1
    except Unavailable as error:
        return Result(what, f"not here: {error}")
    for pending in waiting:
        pending.result()
    rate = count / (perf_counter() - began_at)
    return Result(what, f"{rate:.0f} frames/s; the engine alone {alone:.0f}: {rate / alone:.2f}")


def cameras(
    name: str,
    model: Path,
    clip: Path,
    folder: Path,
    alone: float,
    *,
    streams: int = STREAMS,
    decoder: str = "auto",
    confidence: float = 0.25,
) -> Result:
    """Return how many cameras a whole run serves: from clips to JSON lines, as fast as it goes."""
    output = folder / f"{name}-{{stream}}.jsonl"
    sources = [
        {"url": str(clip), "name": f"cam{k}", "max_frames": FRAMES, "decoder": decoder}
        for k in range(streams)
    ]
    run = build(
        RunConfig.model_validate(
            {
                "sources": sources,
                "model": {"name": str(model), "engine": name},
                "detect": {"conf": confidence},
                "outputs": [str(output)],
            }
        )
    )
    run.pipeline.start()
    run.pipeline.join()
    what = f"{name}: a whole run of {streams} x {clip.name}"
    if run.pipeline.failures:
        return Result(what, f"failed: {run.pipeline.failures[0].error}", "", holds=False)
    emitted = sum(each.emitted for each in run.pipeline.ledger.balances.values())
    rate = emitted / run.pipeline.seconds
    decoders = [each.source.decoder for each in run.streams if each.source.decoder]
    used = {each.used for each in decoders}
    stays = "left on the GPU" if decoders[0].gpu is not None else "all on the host"
    return Result(
        what,
        f"{rate:.0f} frames/s, decoded by {', '.join(sorted(used))}, {stays}: "
        f"{int(rate / CAMERA_FPS)} cameras of {CAMERA_FPS:.0f} frames/s; the engine alone "
        f"{alone:.0f}: {rate / alone:.2f}",
        f"at least {SHARE}",
        rate / alone >= SHARE,
    )


def video(
    name: str, model: Path, engine: Engine, confidence: float, folder: Path
) -> Iterator[Result]:
    """Yield what an engine that takes frames does with 1080p video that is decoded on the GPU."""
    clip = find_large_clip(folder)
    alone = 1 / in_flight(engine, noise(engine, 1), BATCHES, engine.slots)
    with_frames = cast(FrameEngine, engine)
    if engine.gpu is None:
        yield Result(f"{name}: decoding and engine, on the GPU", "not here: there is no nvcc")
    else:
        yield decoding_and_engine(name, with_frames, clip, OPENERS["cuda, on the GPU"], alone)
    batch = engine.manifest.max_batch
    alone = batch / in_flight(engine, noise(engine, batch), BATCHES // batch, engine.slots)
    yield cameras(name, model, clip, folder, alone, confidence=confidence)
