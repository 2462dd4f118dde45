"""All counts and measurements of a run, ready for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pipeline.graph import StreamStages
from pipeline.report.complaints import exit_code, faults, words_of
from pipeline.runtime.runner import Pipeline, Worker

Figures = dict[str, Any]


def figures(
    pipeline: Pipeline,
    streams: Sequence[StreamStages],
    removed: Mapping[str, Figures] = MappingProxyType({}),
    events: Figures | None = None,
) -> Figures:
    """Return all counts and measurements of a run, ready for JSON.

    removed: the last figures of streams that were removed
    events: of their store and deliveries; None if no events are noted
    """
    return {
        "seconds": round(pipeline.seconds, 3),
        "cpu_seconds": round(pipeline.cpu_seconds, 3),
        "exit_code": exit_code(pipeline, streams),
        "streams": {
            **removed,
            **{stream.name: stream_figures(pipeline, stream) for stream in streams},
        },
        **({} if events is None else {"events": events}),
        "stages": {worker.name: _stage(worker) for worker in pipeline.workers},
        "failures": [
            {"stage": failure.stage, "stream": failure.stream, "error": words_of(failure)}
            for failure in pipeline.failures
        ],
    }


def stream_figures(pipeline: Pipeline, stream: StreamStages) -> Figures:
    """Return all counts and measurements of one stream, ready for JSON."""
    balance = pipeline.ledger.balance(stream.name)
    return {
        "url": stream.url,
        **({"connection": stream.status.snapshot()} if stream.status else {}),
        **({"decoder": stream.source.decoder.figures()} if stream.source.decoder else {}),
        "skipped": _by_reason(balance.skipped),
        "decoded": balance.decoded,
        "emitted": balance.emitted,
        "dropped": _by_reason(balance.dropped),
        "failed": _by_reason(balance.failed),
        "fps": round(balance.emitted / max(pipeline.seconds, 1e-9), 2),
        "latency_ms": balance.latency.as_milliseconds(),
        "age_ms": _ages(pipeline, stream.name),
        "repaired_times": stream.decode.repaired,
        **({"attention": stream.attention.figures()} if stream.attention else {}),
        **({"shadow": stream.shadow.figures()} if stream.shadow and pipeline.ending else {}),
        "faults": faults(stream),
        "outputs": [str(path) for output in stream.outputs if (path := output.sink.written)],
        "packets": _packets(stream),
        **({"recording": stream.recording.figures()} if stream.recording else {}),
        "receivers": {
            output.name: status.snapshot()
            for output in stream.outputs
            if (status := output.sink.status) is not None
        },
    }


def _packets(stream: StreamStages) -> Figures:
    """Return how many packets each subscriber of the source's tap got, and did not get."""
    queues = stream.source.tap.queues if stream.source.tap else []
    return {
        queue.name: {
            "accepted": queue.accepted,
            "left_out": [
                {"reason": why, "packets": count} for why, count in dict(queue.left_out).items()
            ],
        }
        for queue in queues
    }


def _ages(pipeline: Pipeline, stream: str) -> Figures:
    """Return the age of the stream's frames after each stage, in the order of the path."""
    own = [worker for worker in pipeline.workers if worker.stream == stream]
    shared = [worker for worker in pipeline.workers if worker.stream is None]
    return {
        worker.name.removeprefix(f"{stream}/"): worker.probe.ages[stream].as_milliseconds()
        for worker in [*own[:1], *shared, *own[1:]]
        if stream in worker.probe.ages
    }


def _by_reason(counted: Counter[tuple[str, str]]) -> list[Figures]:
    return [
        {"stage": stage, "reason": reason, "frames": frames}
        for (stage, reason), frames in dict(counted).items()  # a copy: other threads count on
    ]


def _stage(worker: Worker) -> Figures:
    stats, waiting = worker.probe.stats, worker.inbox.stats
    return {
        "items": stats.items,
        "busy_seconds": round(stats.worked.total, 3),
        "waited_for_input_seconds": round(waiting.receive_waits, 3),
        "waited_for_room_seconds": round(stats.send_waits, 3),
        "found_empty": waiting.found_empty,
        "work_ms": stats.worked.as_milliseconds(),
        "queued_ms": waiting.queued.as_milliseconds(),
    }
