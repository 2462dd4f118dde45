"""The results of a run: figures for a file, and a page of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any

from detector.errors import FramelaneError, UsageError
from detector.terminal import printable
from pipeline.graph import StreamStages
from pipeline.redaction import without_password
from pipeline.runtime.runner import Failure, Pipeline, Worker

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
            {"stage": failure.stage, "stream": failure.stream, "error": _words_of(failure)}
            for failure in pipeline.failures
        ],
    }


def exit_code(pipeline: Pipeline, streams: Sequence[StreamStages]) -> int:
    """Return 0 after success or a requested stop, 1 after a failure, 2 after a usage error."""
    if any(isinstance(failure.error, UsageError) for failure in pipeline.failures):
        return 2
    damaged = any(_faults(stream) for stream in streams)
    return int(bool(pipeline.failures) or damaged or pipeline.cancelled)


def complaints(pipeline: Pipeline, streams: Sequence[StreamStages]) -> list[str]:
    """Return one line for each failure and fault, first cause first.

    If a shared stage could not be opened, its line comes last and begins with "Error: ".
    """
    unopened = opening_failure(pipeline)
    lines = [_complaint(failure) for failure in pipeline.failures if failure is not unopened]
    lines += [fault for stream in streams for fault in _faults(stream)]
    return [*lines, f"Error: {_error(unopened)}"] if unopened else lines


def opening_failure(pipeline: Pipeline) -> Failure | None:
    """Return the failure of a shared stage before its first item; None if there is none.

    Such as that of the engine for a broken model. The run has then processed no frame.
    """
    items = {worker.name: worker.probe.stats.items for worker in pipeline.workers}
    shared = (failure for failure in pipeline.failures if failure.stream is None)
    return next((failure for failure in shared if items.get(failure.stage) == 0), None)


def _faults(stream: StreamStages) -> list[str]:
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
    return f"{kind}{_words_of(failure)}"


def _words_of(failure: Failure) -> str:
    """Return the message of a failure; that of a foreign error may hold a URL as it was given."""
    return without_password(str(failure.error))


def summary(report: Figures) -> str:
    """Return the figures as text: each stream's frames and latency, each stage's times."""
    lines = [_stream_line(name, stream) for name, stream in report["streams"].items()]
    lines += _event_lines(report.get("events") or {})
    lines += ["", _STAGE_HEADER]
    lines += [_stage_line(name, stage) for name, stage in report["stages"].items()]
    lines += ["", *(f"wrote {printable(path)}" for path in _written(report))]
    return "\n".join(lines)


def _event_lines(events: Figures) -> list[str]:
    """Return what is to be said about events, their clips and their deliveries."""
    if not events:
        return []
    parts = [f"{events['changes_stored']} changes stored"]
    parts += [f"{events['changes_lost']} lost"] if events["changes_lost"] else []
    clips = events["clips"]
    parts += [f"clips: {count} {state}" for state, count in clips.items() if count]
    lines = ["events: " + ", ".join(parts)]
    for each in events["deliveries"]:
        line = f"    {each['name']}: {each['delivered']} messages delivered"
        line += f", {each['pending']} wait" if each["pending"] else ""
        line += f", {each['dropped']} dropped" if each["dropped"] else ""
        line += f"; last error: {printable(str(each['last_error']))}" if each["last_error"] else ""
        lines.append(line)
    return lines


def _written(report: Figures) -> list[str]:
    streams = report["streams"].values()
    recordings = [each["recording"] for each in streams if "recording" in each]
    recorded = [each["files"] for each in recordings if each["recorded"]]
    return [*(path for each in streams for path in each["outputs"]), *recorded]


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
        "faults": _faults(stream),
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


def _stream_line(name: str, stream: Figures) -> str:
    latency = stream["latency_ms"]
    parts = [
        f"{name}: {stream['decoded']} frames decoded, {stream['emitted']} emitted",
        *_losses("skipped", stream["skipped"]),
        *_losses("dropped", stream["dropped"]),
        *_losses("failed", stream["failed"]),
    ]
    if stream["repaired_times"]:
        parts.append(f"{stream['repaired_times']} times repaired")
    speed = f"{stream['fps']:.1f} fps, latency ms " + _spread(latency)
    lines = [*_attention_lines(stream), *_connection_lines(stream), *_recording_lines(stream)]
    return "\n".join([f"{', '.join(parts)}; {speed}", *_decoder_lines(stream), *lines])


def _decoder_lines(stream: Figures) -> list[str]:
    """Return what decoded the stream, and why nothing faster did."""
    if not (decoder := stream.get("decoder")):
        return []
    why = f" ({decoder['why']})" if decoder["why"] else ""
    return [f"    decoded by {decoder['used']}{why}"]


def _attention_lines(stream: Figures) -> list[str]:
    """Return how many frames the engine looked at, and what the sample of the others tells."""
    if not (attention := stream.get("attention")):
        return []
    looks, rests = attention["looks"], attention["rests"]
    line = f"    attention: {sum(looks.values())} frames looked at"
    reasons = sorted(looks, key=looks.__getitem__, reverse=True)
    line += f" ({', '.join(f'{why} {looks[why]}' for why in reasons)})" if looks else ""
    line += f", {sum(rests.values())} rested"
    if attention["sampled"]:
        new = attention["sampled_new"]
        line += f"; {new} of {attention['sampled']} samples found something new"
    lines = [line]
    if shadow := stream.get("shadow"):
        lines.append(
            f"    attention would have missed {shadow['tracks_never_seen']} tracks and found "
            f"{shadow['tracks_found']}, 95 % of them within {shadow['late_seconds']['p95']:.2f} s; "
            f"IDF1 {_score(shadow['idf1'])}, HOTA {_score(shadow['hota'])} of the latest frames"
        )
    return lines


def _score(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.3f}"


def _recording_lines(stream: Figures) -> list[str]:
    """Return what is to be said about the recording of a stream."""
    if not (recording := stream.get("recording")):
        return []
    lost = [f"{each['packets']} left out ({each['reason']})" for each in recording["left_out"]]
    counts = ", ".join([f"{recording['recorded']} of {recording['packets']} packets", *lost])
    files = "1 file" if recording["segments"] == 1 else f"{recording['segments']} files"
    lines = [f"    recording: {counts}, in {files}"]
    second = recording.get("connection")
    return [*lines, *(_connection("record_url", second) if second else ())]


def _connection_lines(stream: Figures) -> list[str]:
    """Return lines about the connections of a stream: to its camera, to its receivers."""
    named = {"camera": stream["connection"]} if "connection" in stream else {}
    return [
        line
        for name, each in (named | stream["receivers"]).items()
        for line in _connection(name, each)
    ]


def _connection(name: str, connection: Figures) -> list[str]:
    seconds = ", ".join(f"{state} {spent:.0f} s" for state, spent in connection["seconds"].items())
    causes = ", ".join(f"{cause} x {count}" for cause, count in connection["causes"].items())
    lines = [f"    {name}: connected {connection['connections']} x; {seconds}"]
    if causes:
        last = printable(str(connection["trouble"]))  # it may be in the peer's words
        lines.append(f"    {name}: lost: {causes}; last: {last}")
    return lines


def _losses(verb: str, losses: list[Figures]) -> list[str]:
    return [f"{loss['frames']} {verb} ({loss['stage']}: {loss['reason']})" for loss in losses]


def _spread(milliseconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.0f}" for name, value in milliseconds.items())


_STAGE_HEADER = (
    f"{'stage':<28}{'items':>8}{'work p50':>10}{'p99 ms':>9}{'queued p50':>12}{'p99 ms':>9}"
    f"{'busy s':>9}{'no input s':>12}{'no room s':>11}"
)


def _stage_line(name: str, stage: Figures) -> str:
    work, queued = stage["work_ms"], stage["queued_ms"]
    return (
        f"{name[-28:]:<28}{stage['items']:>8}{work['p50']:>10.1f}{work['p99']:>9.1f}"
        f"{queued['p50']:>12.1f}{queued['p99']:>9.1f}{stage['busy_seconds']:>9.1f}"
        f"{stage['waited_for_input_seconds']:>12.1f}{stage['waited_for_room_seconds']:>11.1f}"
    )
