"""The sinks of a stream."""

from __future__ import annotations

from collections.abc import Sequence

from detector.errors import UsageError
from pipeline.checked_text import filled_in
from pipeline.config import OutputConfig, RunConfig, SourceConfig, options_of
from pipeline.graph import Output
from pipeline.recording.config import annotated_output
from pipeline.redaction import shown_url
from pipeline.sinks import make_sink


def configured_outputs(
    run: RunConfig, source: SourceConfig, stream: str, classes: Sequence[str], *, live: bool
) -> list[Output]:
    """Return the outputs that a user asked for, the annotated recording among them.

    Raises UsageError if a viewer would show a recording, which is read as fast as possible.
    """
    annotated = annotated_output(run.recording) if run.recording else None
    configs = [*run.outputs, *([OutputConfig.model_validate(annotated)] if annotated else [])]
    outputs = [_output(config, stream, source.epoch, classes) for config in configs]
    viewers = [output.name for output in outputs if output.viewer]
    if viewers and not live:
        raise UsageError(
            f"--output: {viewers[0]} shows live video, but {shown_url(source.url)} is a "
            "recording: add realtime"
        )
    return outputs


def _output(config: OutputConfig, stream: str, epoch: int, classes: Sequence[str]) -> Output:
    url = filled_in(config.address, stream, epoch)
    sink = make_sink(url, classes=classes, options=options_of(config))
    return Output(sink.name, sink, viewer=sink.viewer)
