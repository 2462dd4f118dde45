"""What went wrong in a run: lines for users, and the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from detector.errors import FramelaneError, UsageError
from pipeline.graph import StreamStages
from pipeline.redaction import without_password
from pipeline.runtime.runner import Failure, Pipeline


def exit_code(pipeline: Pipeline, streams: Sequence[StreamStages]) -> int:
    """Return 0 after success or a requested stop, 1 after a failure, 2 after a usage error."""
    if any(isinstance(failure.error, UsageError) for failure in pipeline.failures):
        return 2
    damaged = any(faults(stream) for stream in streams)
    return int(bool(pipeline.failures) or damaged or pipeline.cancelled)


def complaints(pipeline: Pipeline, streams: Sequence[StreamStages]) -> list[str]:
    """Return one line for each failure and fault, first cause first.

    If a shared stage could not be opened, its line comes last and begins with "Error: ".
    """
    unopened = opening_failure(pipeline)
    lines = [_complaint(failure) for failure in pipeline.failures if failure is not unopened]
    lines += [fault for stream in streams for fault in faults(stream)]
    return [*lines, f"Error: {_error(unopened)}"] if unopened else lines


def opening_failure(pipeline: Pipeline) -> Failure | None:
    """Return the failure of a shared stage before its first item; None if there is none.

    Such as that of the engine for a broken model. The run has then processed no frame.
    """
    items = {worker.name: worker.probe.stats.items for worker in pipeline.workers}
    shared = (failure for failure in pipeline.failures if failure.stream is None)
    return next((failure for failure in shared if items.get(failure.stage) == 0), None)


def faults(stream: StreamStages) -> list[str]:
    """Return the faults that did not end the stream: of its source, its sinks, its recording."""
    sinks = (output.sink.interruptions for output in stream.outputs)
    recording = stream.recording.faults if stream.recording else []
    return [*stream.source.faults, *chain.from_iterable(sinks), *recording]


def _complaint(failure: Failure) -> str:
    named = isinstance(failure.error, FramelaneError) and failure.stream is not None  # the file
    return _error(failure) if named else f"{failure.stage}: {_error(failure)}"


def _error(failure: Failure) -> str:
    """Return the message for users; that of a bug after its type."""
    kind = "" if isinstance(failure.error, FramelaneError) else f"{type(failure.error).__name__}: "
    return f"{kind}{words_of(failure)}"


def words_of(failure: Failure) -> str:
    """Return the message of a failure; that of a foreign error may hold a URL as it was given."""
    return without_password(str(failure.error))
