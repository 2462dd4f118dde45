"""The figures of a run as a page of text."""

from __future__ import annotations

from detector.terminal import printable
from pipeline.report.figures import Figures

_STAGE_HEADER = (
    f"{'stage':<28}{'items':>8}{'work p50':>10}{'p99 ms':>9}{'queued p50':>12}{'p99 ms':>9}"
    f"{'busy s':>9}{'no input s':>12}{'no room s':>11}"
)


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


def _stage_line(name: str, stage: Figures) -> str:
    work, queued = stage["work_ms"], stage["queued_ms"]
    return (
        f"{name[-28:]:<28}{stage['items']:>8}{work['p50']:>10.1f}{work['p99']:>9.1f}"
        f"{queued['p50']:>12.1f}{queued['p99']:>9.1f}{stage['busy_seconds']:>9.1f}"
        f"{stage['waited_for_input_seconds']:>12.1f}{stage['waited_for_room_seconds']:>11.1f}"
    )
