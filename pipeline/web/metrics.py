"""Metrics in Prometheus' text format: a snapshot of what the pipeline counts anyway.

Labels come from the configuration and from enumerations; a series ends with its camera. What is not
known is absent. No lock is held that a frame waits for.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from pipeline.config import RunConfig
from pipeline.connections.status import State
from pipeline.events.sink import EventSink
from pipeline.graph import StreamStages
from pipeline.run import Run
from pipeline.runtime.channel import Channel
from pipeline.runtime.ledger import Balance
from pipeline.runtime.runner import Worker
from pipeline.web.prometheus_text import prometheus_text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.005, 0.01, 0.02, 0.033, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # s
REASONS = frozenset({"cancelled", "max_age", "max_frames", "overflow", "stride"})
OTHER = "other"  # reasons in words, which may be an error's text


class RunCollector:
    """Collects the metrics of one run."""

    def __init__(self, run: Run, config: RunConfig) -> None:
        self._run = run
        self._build = _build(run, config)

    def text(self) -> bytes:
        """Return all metrics."""
        return prometheus_text(self.collect())

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with the samples of all cameras."""
        streams = self._run.streams
        balances = {each.name: self._run.pipeline.ledger.balance(each.name) for each in streams}
        yield self._build
        yield from self._frames(balances)
        yield from self._attention(streams)
        yield self._packets(streams)
        yield from self._connections(streams)
        yield self._latency(streams, balances)
        yield from self._stages()
        yield self._queues()
        yield from self._engine()
        yield self._events(streams)
        yield from self._outbox()

    def _frames(self, balances: Mapping[str, Balance]) -> Iterator[Metric]:
        labels = ("camera", "outcome", "stage", "reason")
        frames = CounterMetricFamily(
            "framelane_frames", "Frames by what became of them.", labels=labels
        )
        decoded = CounterMetricFamily(
            "framelane_frames_decoded", "Frames that were decoded.", labels=("camera",)
        )
        in_flight = GaugeMetricFamily(
            "framelane_frames_in_flight", "Decoded frames without an outcome.", labels=("camera",)
        )
        skipped = CounterMetricFamily(
            "framelane_frames_skipped",
            "Frames that were sent and not decoded.",
            labels=("camera", "stage", "reason"),
        )
        for name, balance in balances.items():
            outcomes = {("emitted", "", ""): balance.emitted}
            for outcome, counted in (("dropped", balance.dropped), ("failed", balance.failed)):
                for (stage, reason), count in dict(counted).items():
                    key = (outcome, _stage(stage, name), _reason(reason))
                    outcomes[key] = outcomes.get(key, 0) + count
            for key, count in outcomes.items():
                frames.add_metric((name, *key), count)
            ended = sum(outcomes.values())
            # Read after the outcomes, so that no frame has an outcome and is not decoded.
            total = balance.decoded
            decoded.add_metric((name,), total)
            in_flight.add_metric((name,), total - ended)
            for (stage, reason), count in dict(balance.skipped).items():
                skipped.add_metric((name, _stage(stage, name), reason), count)
        yield from (frames, decoded, in_flight, skipped)

    def _attention(self, streams: Iterable[StreamStages]) -> Iterator[Metric]:
        judged = CounterMetricFamily(
            "framelane_frames_judged",
            "Frames that were looked at or rested, of cameras with attention.",
            labels=("camera", "outcome", "reason"),
        )
        samples = CounterMetricFamily(
            "framelane_attention_samples",
            "Rests that were looked at all the same, by what the look found.",
            labels=("camera", "found"),
        )
        for stream in streams:
            if stream.attention is None:
                continue
            figures = stream.attention.figures()
            for outcome, counted in (("look", figures["looks"]), ("rest", figures["rests"])):
                for reason, count in counted.items():
                    judged.add_metric((stream.name, outcome, reason), count)
            new = figures["sampled_new"]
            samples.add_metric((stream.name, "something new"), new)
            samples.add_metric((stream.name, "nothing new"), figures["sampled"] - new)
        yield from (judged, samples)

    def _packets(self, streams: Iterable[StreamStages]) -> Metric:
        packets = CounterMetricFamily(
            "framelane_packets",
            "Packets of the camera for each of those who take them.",
            labels=("camera", "subscriber", "outcome", "reason"),
        )
        for stream in streams:
            for queue in stream.source.tap.queues if stream.source.tap else ():
                packets.add_metric((stream.name, queue.name, "taken", ""), queue.accepted)
                for reason, count in dict(queue.left_out).items():
                    packets.add_metric((stream.name, queue.name, "left out", reason), count)
        return packets

    def _connections(self, streams: Iterable[StreamStages]) -> Iterator[Metric]:
        states = GaugeMetricFamily(
            "framelane_camera_state",
            "1 for the state that the camera's connection is in.",
            labels=("camera", "state"),
        )
        lost = CounterMetricFamily(
            "framelane_reconnects", "Lost connections by cause.", labels=("camera", "cause")
        )
        decoders = GaugeMetricFamily(
            "framelane_camera_decoder",
            "1 for what decodes the camera's video.",
            labels=("camera", "decoder"),
        )
        for stream in streams:
            if stream.source.decoder:
                decoders.add_metric((stream.name, stream.source.decoder.used), 1)
            if stream.status is None:
                continue
            current = stream.status.state
            for state in State:
                states.add_metric((stream.name, state.value), state is current)
            for cause, count in dict(stream.status.causes).items():
                lost.add_metric((stream.name, cause.value), count)
        yield from (states, lost, decoders)

    def _latency(self, streams: Iterable[StreamStages], balances: Mapping[str, Balance]) -> Metric:
        latency = HistogramMetricFamily(
            "framelane_latency_seconds",
            "Seconds from capture to the last output.",
            labels=("camera", "clock"),
        )
        for stream in streams:
            measured = balances[stream.name].latency
            counts = measured.at_most(BOUNDS)
            total = max(measured.count, counts[-1])
            buckets = [(str(bound), n) for bound, n in zip(BOUNDS, counts, strict=True)]
            clock = _clock(stream.status.clock_source) if stream.status else "arrival"
            latency.add_metric((stream.name, clock), [*buckets, ("+Inf", total)], measured.total)
        return latency

    def _stages(self) -> Iterator[Metric]:
        seconds = CounterMetricFamily(
            "framelane_stage_seconds",
            "Seconds of work and of waiting; camera is empty for a stage that all share.",
            labels=("camera", "stage", "kind"),
        )
        for worker in self._run.pipeline.workers:
            stats = worker.probe.stats
            waited = worker.inbox.stats.receive_waits + stats.send_waits
            labels = (worker.stream or "", _stage(worker.name, worker.stream))
            seconds.add_metric((*labels, "work"), stats.worked.total)
            seconds.add_metric((*labels, "wait"), waited)
        yield seconds

    def _queues(self) -> Metric:
        depth = GaugeMetricFamily(
            "framelane_queue_depth", "Items that wait in a channel.", labels=("channel",)
        )
        for worker in self._run.pipeline.workers:
            if isinstance(worker.inbox, Channel):
                depth.add_metric((worker.inbox.name,), len(worker.inbox))
        return depth

    def _engine(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "framelane_engine_open", "1 once the engine is open.", self._run.engine_is_open
        )
        batches = _worker_named(self._run, "collect")
        if batches:
            yield CounterMetricFamily(
                "framelane_engine_batches", "Batches computed.", batches.probe.stats.items
            )

    def _events(self, streams: Iterable[StreamStages]) -> Metric:
        events = CounterMetricFamily(
            "framelane_events", "Events that were noted.", labels=("camera", "kind", "class")
        )
        for stream in streams:
            for output in stream.outputs:
                noted = dict(output.sink.noted) if isinstance(output.sink, EventSink) else {}
                for (kind, class_name), count in noted.items():
                    events.add_metric((stream.name, kind.value, class_name or ""), count)
        return events

    def _outbox(self) -> Iterator[Metric]:
        pending = GaugeMetricFamily(
            "framelane_outbox_pending", "Messages that wait to be delivered.", labels=("transport",)
        )
        dropped = CounterMetricFamily(
            "framelane_outbox_dropped",
            "Messages dropped because too many or too old ones waited.",
            labels=("transport",),
        )
        deliveries = self._run.events.figures().get("deliveries", []) if self._run.events else []
        for each in deliveries:
            if each["pending"] is not None:
                pending.add_metric((each["name"],), each["pending"])
            if each["dropped"] is not None:
                dropped.add_metric((each["name"],), each["dropped"])
        yield from (pending, dropped)


def _build(run: Run, config: RunConfig) -> Metric:
    info = InfoMetricFamily("framelane_build", "Versions, model and engine.")
    labels = {
        "python": platform.python_version(),
        "model": run.model.stem,
        "engine": config.model.engine,
    }
    with suppress(PackageNotFoundError):  # it runs from a folder that was not installed
        labels["version"] = version("framelane")
    info.add_metric((), labels)
    return info


def _worker_named(run: Run, name: str) -> Worker | None:
    return next((worker for worker in run.pipeline.workers if worker.name == name), None)


def _clock(source: str) -> str:
    """Return whose clock it is; the source may say in numbers why it is not the camera's."""
    return "camera" if source.startswith("camera") else "arrival"


def _stage(name: str, stream: str | None) -> str:
    """Return a stage's name without that of its stream."""
    return name.removeprefix(f"{stream}/")


def _reason(reason: str) -> str:
    return reason if reason in REASONS else OTHER
