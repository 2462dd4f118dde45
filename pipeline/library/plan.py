"""What has to be done: each recording, its outputs, and the configuration of its run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from detector.errors import UsageError, did_you_mean
from detector.export.precisions import find_int8
from detector.manifest import Manifest
from detector.weights.zoo import find_model
from pipeline.analytics.config import AnalyticsConfig
from pipeline.assembly.engine import engine_name
from pipeline.assembly.run import build
from pipeline.config import OutputConfig, RunConfig
from pipeline.library.executor import Fingerprint, Job
from pipeline.library.fingerprint import quick_fingerprint
from pipeline.library.recordings import Recording
from pipeline.redaction import shown_url
from pipeline.refinement.two_passes import TwoPasses
from pipeline.sinks import is_folder, output_ending, sink_for
from pipeline.sinks.recorder import Recorder
from pipeline.stream_names import free_name

DEFAULT_OUTPUTS = (OutputConfig(url="runs/{path}.mp4"), OutputConfig(url="runs/{path}.jsonl"))
NOT_HERE = ("recording", "events", "deliver", "serve")  # sections for `framelane run` alone
PLACEHOLDERS = ("path", "stream", "suffix")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Task:
    """A recording to annotate.

    number: in this run, from 0
    stream: the name of its stream in the outputs
    outputs: absolute paths, in the order of the configuration
    now: size and date of the recording; None if it is remote or not there
    """

    number: int
    recording: Recording
    stream: str
    outputs: tuple[str, ...]
    now: Fingerprint | None


class Plan:
    """All tasks of a run, and the configuration that they share.

    config: as for `framelane run`, with one source, whose URL is replaced
    Raises UsageError if two recordings would write one output, or if the configuration is not one
    for recordings; ModelError.
    """

    def __init__(self, config: RunConfig, recordings: Sequence[Recording]) -> None:
        _refuse_sections(config)
        outputs = config.outputs if "outputs" in config.model_fields_set else DEFAULT_OUTPUTS
        for output in outputs:
            _refuse_output(output)
        self._config = config.model_copy(update={"outputs": outputs})
        self._digest = _digest(self._config)
        self.folder = _common_folder([output.url for output in outputs])
        self.tasks = list(_tasks(self._config, recordings))
        config.analytics.check_streams({task.stream for task in self.tasks})
        self._build_one()

    def digest(self, task: Task) -> str:
        """Return a hash of everything but the recording that the outputs depend on."""
        return sha256(f"{self._digest} {task.stream}".encode()).hexdigest()[:32]

    def job(self, task: Task, known: Fingerprint | None, attempt: int) -> Job:
        """Return the job of a task."""
        return Job(
            task.number,
            task.recording.shown,
            self._run_of(task),
            task.outputs,
            known=known,
            attempt=attempt,
        )

    def _build_one(self) -> None:
        """Find the mistakes that every run would have, such as an unknown class or option."""
        for task in self.tasks:
            if task.now is not None or "://" in task.recording.url:
                config = RunConfig.model_validate(self._run_of(task))
                if config.tracker.refine:
                    TwoPasses(config)
                else:
                    build(config)
                return

    def _run_of(self, task: Task) -> Mapping[str, Any]:
        """Return the configuration of the run that does a task, as plain data."""
        shared = self._config.model_dump(exclude_unset=True)
        (source,) = shared["sources"]
        formats = [output_ending(output.url) for output in self._config.outputs]
        outputs = [
            {**output.model_dump(exclude_unset=True), "url": f"output-{k}{formats[k]}"}
            for k, output in enumerate(self._config.outputs)
        ]
        analytics = _analytics_of(self._config, task.stream).model_dump(exclude_unset=True)
        model = self._config.model.model_dump(exclude_unset=True)
        if Path(self._config.model.name).suffix and Path(self._config.model.name).is_file():
            model["name"] = os.path.abspath(self._config.model.name)
        return shared | {
            "sources": [{**source, "url": task.recording.url}],
            "outputs": outputs,
            "analytics": analytics,
            "model": model,
        }


def _refuse_sections(config: RunConfig) -> None:
    for section in NOT_HERE:
        if getattr(config, section):
            raise UsageError(
                f"{section}: annotate only writes outputs: leave the section out, or give the "
                "recordings to `framelane run`"
            )


def _refuse_output(output: OutputConfig) -> None:
    """Raise UsageError for an output that is not one file."""
    sink = sink_for(output.url)
    if sink is None or not issubclass(sink, Recorder) or is_folder(output.url):
        raise UsageError(
            f"--output: {shown_url(output.url)}: annotate writes one file per recording: give a "
            "path that ends in .mp4, .mkv, .mov, .jsonl, .txt, or in the ending of a file or zip "
            "of labels, such as .cvat.xml or .yolo.zip"
        )
    for name in _PLACEHOLDER.findall(output.url):
        if name not in PLACEHOLDERS:
            accepted = did_you_mean(f"{{{name}}}", [f"{{{each}}}" for each in PLACEHOLDERS])
            raise UsageError(f"--output: {output.url}: {{{name}}} means nothing here{accepted}")


def _analytics_of(config: RunConfig, stream: str) -> AnalyticsConfig:
    """Return only the lines and zones of a stream: its run refuses those of others."""
    shapes = {
        kind: tuple(
            shape
            for shape in getattr(config.analytics, kind)
            if shape.streams is None or stream in shape.streams
        )
        for kind in ("lines", "zones")
    }
    return config.analytics.model_copy(update=shapes)


def _digest(config: RunConfig) -> str:
    """Return a hash of a configuration, without places, and of its model."""
    effective = config.model_dump(mode="json", exclude_defaults=True)
    for section in ("sources", "outputs"):
        for place in effective[section]:
            place["url"] = output_ending(place["url"]) if section == "outputs" else ""
    effective["model"] = [effective.get("model"), *_model_digest(config)]
    return sha256(json.dumps(effective, sort_keys=True).encode()).hexdigest()


def _model_digest(config: RunConfig) -> list[str]:
    """Return the engine and the hashes of the files that it may use."""
    model = find_model(config.model.name, size=config.model.imgsz)
    engine = engine_name(config.model, model)
    files = [model]
    if engine in ("openvino", "tensorrt") and (int8 := find_int8(model, engine)):
        files.append(int8)
    return [engine, *(Manifest.beside(file).onnx_sha256 for file in files)]


def _common_folder(templates: Sequence[str]) -> Path:
    """Return the folder that all outputs have in common."""
    fixed = [
        os.path.dirname(os.path.abspath(_PLACEHOLDER.split(each)[0] + "x")) for each in templates
    ]
    return Path(os.path.commonpath(fixed))


def _tasks(config: RunConfig, recordings: Sequence[Recording]) -> Iterator[Task]:
    """Yield a task for each recording that is not itself an output of another one."""
    templates = [output.url for output in config.outputs]
    streams = [_stream_of(config, recording) for recording in recordings]
    outputs = [
        tuple(_filled(template, recording, stream) for template in templates)
        for recording, stream in zip(recordings, streams, strict=True)
    ]
    writers = _writers(templates, recordings, outputs)
    there = {recording.url: _identity(recording.url) for recording in recordings}
    sources = {identity: url for url, identity in there.items() if identity}
    number = 0
    for recording, stream, written in zip(recordings, streams, outputs, strict=True):
        writer = writers.get(recording.url)
        if writer and writer.url != recording.url and not recording.named:
            continue  # a folder holds the outputs of an earlier run as well
        if writer:
            raise UsageError(
                f"--output: {recording.shown} would be overwritten: give outputs another folder or "
                "name, as in out/{path}.mp4"
            )
        for path in written:
            if (identity := _identity(path)) and identity in sources and path not in there:
                raise UsageError(
                    f"--output: {path} is {sources[identity]} under another name: give outputs "
                    "another folder"
                )
        yield Task(number, recording, stream, written, _now(recording.url))
        number += 1


def _writers(
    templates: Sequence[str], recordings: Sequence[Recording], outputs: Sequence[Sequence[str]]
) -> dict[str, Recording]:
    """Return which recording each output is made from; raises UsageError if that are two."""
    writers: dict[str, Recording] = {}
    for recording, written in zip(recordings, outputs, strict=True):
        for template, path in zip(templates, written, strict=True):
            if path in writers:
                other = writers[path]
                raise UsageError(
                    f"--output: {path} would be written for {other.shown} and for "
                    f"{recording.shown}: {_advice(template, other, recording)}"
                )
            writers[path] = recording
    return writers


def _advice(template: str, one: Recording, other: Recording) -> str:
    """Return how two recordings get different outputs."""
    if "{path}" not in template or one == other:
        return "put {path} into the name, as in out/{path}.mp4"
    if one.suffix != other.suffix:
        return "put {suffix} into the name as well, as in out/{path}-{suffix}.mp4"
    return "give the folder above both, or a pattern in quotes, so that {path} tells them apart"


def _filled(template: str, recording: Recording, stream: str) -> str:
    values = {"path": recording.path, "stream": stream, "suffix": recording.suffix}
    return os.path.abspath(_PLACEHOLDER.sub(lambda found: values[found[1]], template))


def _stream_of(config: RunConfig, recording: Recording) -> str:
    return free_name(config.sources[0].model_copy(update={"url": recording.url}), ())


def _identity(path: str) -> tuple[int, int] | None:
    """Return what is the same for all names of a file; None if there is none."""
    if "://" in path:
        return None
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _now(url: str) -> Fingerprint | None:
    if "://" in url:
        return None
    try:
        return quick_fingerprint(Path(url))
    except OSError:
        return None  # the job will say so
