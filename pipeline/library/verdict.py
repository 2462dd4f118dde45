"""From a run that has ended to what became of its job."""

from __future__ import annotations

from pipeline.library.executor import Ending, Outcome
from pipeline.redaction import without_password
from pipeline.report.complaints import complaints
from pipeline.run import Run
from pipeline.runtime.runner import Failure
from pipeline.sinks.recorder import Recorder
from pipeline.sources.file import VideoFileSource

HUNG = "a stage made no progress for too long, so the recording was given up"


def verdict(run: Run, *, stopped: bool, seconds: float) -> Outcome:
    """Return what became of a recording; its outputs have no final names yet.

    stopped: the run was asked to end before its recording did; seconds: that it took
    """
    (stream,) = run.streams
    source, pipeline = stream.source, run.pipeline
    remote = "://" in stream.url
    lines = [_without(stream.url, line) for line in complaints(pipeline, run.streams)]
    if pipeline.failures or pipeline.cancelled:
        may_pass = any(_may_pass(failure, remote) for failure in pipeline.failures)
        return Outcome(Ending.FAILED, lines[0] if lines else HUNG, may_pass=may_pass)
    if stopped:
        return Outcome(Ending.CUT)
    if isinstance(source, VideoFileSource) and source.interrupted:
        return Outcome(Ending.FAILED, lines[0], may_pass=True)
    if any(isinstance(o.sink, Recorder) and o.sink.written is None for o in stream.outputs):
        return Outcome(Ending.FAILED, lines[0] if lines else "it has no frame", may_pass=remote)
    frames = pipeline.ledger.balance(stream.name).emitted
    return Outcome(Ending.DONE, faults=tuple(lines), frames=frames, seconds=round(seconds, 3))


def _may_pass(failure: Failure, remote: bool) -> bool:
    """Return whether another attempt may go well: networks, disks and engines recover."""
    in_shared_stage = failure.stream is None
    return remote or in_shared_stage or isinstance(failure.error.__cause__, OSError)


def _without(url: str, line: str) -> str:
    return without_password(line).removeprefix(f"{url}: ")
