"""The configuration of a run: one YAML file, overridden by flags, validated before the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from detector.errors import UsageError
from detector.renamed import with_new_names
from detector.settings import explain, read_yaml
from pipeline.access.config import ServeConfig
from pipeline.analytics.config import AnalyticsConfig
from pipeline.attention.config import AttentionConfig, spelled_out
from pipeline.checked_text import StreamName
from pipeline.credentials import with_credentials
from pipeline.delivery.config import DeliveryConfig
from pipeline.events.config import EventsConfig
from pipeline.fleet.config import FleetConfig
from pipeline.recording.config import RecordingConfig
from pipeline.url_config import CheckedUrl, UrlConfig

_RENAMED = {"control": "serve"}
_SHORT_FORMS = {"serve": "address"}  # the key of a section that is one string; else `name`
_STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
# Further keys are options, which the constructor checks
_OPEN = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)


def _named(key: str) -> BeforeValidator:
    """Accept the short form of a section: `clip.mp4` for `{url: clip.mp4}`."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


class SourceConfig(UrlConfig):
    """A source of video. Further keys are options of that kind of source."""

    url: CheckedUrl = Field(
        repr=False, description="a video file, URL, folder of images, glob, or 'synthetic'"
    )
    name: StreamName | None = Field(
        default=None, description="the stream's name; default: from the url"
    )
    stride: int = Field(default=1, ge=1, description="use every k-th frame")
    max_frames: int | None = Field(default=None, ge=1, description="stop after this many frames")
    record_url: CheckedUrl | None = Field(
        default=None,
        repr=False,
        description="another stream of the same camera, which is recorded in place of this one",
    )
    realtime: bool = Field(default=False, description="pace a recording like a camera")
    max_age: float | None = Field(
        default=None,
        gt=0,
        description="seconds after which a live frame is dropped; default: 0.5, with realtime "
        "never",
    )
    place: str | None = Field(
        default=None,
        description="of a fleet: cameras of one place are spread over nodes",
    )
    labels: dict[str, str] = Field(
        default_factory=dict, description="of a fleet: what a node of this camera must have"
    )
    epoch: int = Field(
        default=0, ge=0, description="what {epoch} in outputs stands for; a fleet sets it"
    )

    attention: Annotated[AttentionConfig, BeforeValidator(spelled_out)] | None = Field(
        default=None, description="of this source, in place of that of the run"
    )

    @property
    def record_address(self) -> str | None:
        """`record_url` with user and password: those of `url`, unless it has its own."""
        url = self.record_url
        if url is None or "@" in urlsplit(url).netloc:
            return url
        return with_credentials(url, self.user, self.password)

    @model_validator(mode="after")
    def _has_place_for_credentials_of_record_url(self) -> SourceConfig:
        _ = self.record_address
        return self


class ModelConfig(BaseModel):
    """The model and its engine. Further keys are options of the engine."""

    model_config = _OPEN
    name: str = Field(default="street", description="a name, or a file: see docs/weights.md")
    engine: str = Field(
        default="openvino", description="the runtime; auto: the fastest one on this machine"
    )
    imgsz: tuple[int, int] | None = Field(
        default=None,
        description="the input size: weights are exported at it, an .onnx model must have it",
    )


class DetectConfig(BaseModel):
    """Confidence threshold and non-maximum suppression."""

    model_config = _STRICT
    conf: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="minimum score; default: 0.1 with a tracker, 0.25 without",
    )
    iou: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="IoU above which the box with the lower score is removed; default: the "
        "model's, usually 0.45",
    )
    classes: tuple[str | int, ...] | None = Field(
        default=None, description="only these classes, by name or number"
    )
    agnostic: bool = Field(default=False, description="suppress across classes")
    max_detections: int = Field(default=300, ge=1, description="maximum number of boxes per frame")


class TrackerConfig(BaseModel):
    """The tracker. Further keys are options of that tracker."""

    model_config = _OPEN
    name: str = Field(default="lane", description="a tracker, or 'none'")
    camera_motion: bool = Field(
        default=False,
        description="estimate the motion of the camera; not needed for a fixed camera",
    )
    refine: bool = Field(
        default=False,
        description="read recordings twice, and use what comes later for better tracks",
    )


class OutputConfig(UrlConfig):
    """A destination of results. Further keys are options of that kind of sink."""

    url: CheckedUrl = Field(
        repr=False,
        description="a file, whose suffix selects the format, or a URL; {stream} is replaced by "
        "the stream's name",
    )


class RunConfig(BaseModel):
    """A whole run."""

    model_config = _STRICT
    sources: tuple[Annotated[SourceConfig, _named("url")], ...] = Field(
        default=(SourceConfig(url="synthetic", max_frames=300),), min_length=1
    )
    model: Annotated[ModelConfig, _named("name")] = ModelConfig()
    detect: DetectConfig = DetectConfig()
    tracker: Annotated[TrackerConfig, _named("name")] = TrackerConfig()
    attention: Annotated[AttentionConfig, BeforeValidator(spelled_out)] = Field(
        default=AttentionConfig(),
        description="which frames the engine looks at: see docs/attention.md",
    )
    analytics: AnalyticsConfig = AnalyticsConfig()
    outputs: tuple[Annotated[OutputConfig, _named("url")], ...] = Field(
        default=(OutputConfig(url="runs/{stream}.mp4"), OutputConfig(url="runs/{stream}.jsonl")),
        description="may be empty with `serve`",
    )
    recording: RecordingConfig | None = Field(
        default=None, description="continuous recording of every camera; see docs/recording.md"
    )
    watchdog: float | None = Field(
        default=None,
        gt=0,
        description="seconds after which a hanging stage ends the run with an error; default: it "
        "is only logged, after 60",
    )
    events: EventsConfig | None = Field(
        default=None, description="note, store and show what happens: see docs/events.md"
    )
    deliver: tuple[Annotated[DeliveryConfig, _named("url")], ...] = Field(
        default=(), description="where events are delivered to: MQTT, webhooks, .jsonl"
    )
    serve: Annotated[ServeConfig, _named("address")] | None = Field(
        default=None, description="the page, the API and the metrics: see docs/web.md"
    )
    fleet: FleetConfig | None = Field(
        default=None, description="many machines: see docs/cluster.md; `framelane fleet` reads it"
    )


def options_of(section: BaseModel) -> dict[str, Any]:
    """Return the further keys of a section, which are options of a constructor."""
    return dict(section.model_extra or {})


@dataclass(frozen=True)
class Flag:
    """A flag as the user typed it, and the key in the configuration that it sets.

    keys: the path from the top; "*" stands for every entry of a list
    """

    name: str
    keys: tuple[str, ...]
    value: Any


def load_config(path: Path | None, flags: Sequence[Flag]) -> RunConfig:
    """Return the YAML at `path` (None: the defaults), overridden by `flags`, validated.

    Raises UsageError: the file or flag, the key, what was given, what is accepted.
    """
    content = with_new_names(read_yaml(path) if path else {}, _RENAMED, str(path))
    for flag in flags:
        _set(content, flag.keys, flag.value)
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        complaint = explain(error, RunConfig, lambda keys: _origin(keys, path, flags))
        raise UsageError(complaint) from None  # the error quotes values


def _set(section: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    """Set the value at `keys`; short forms and defaults on the path are spelled out."""
    key, *rest = keys
    if not rest:
        section[key] = value
    elif rest[0] == "*":
        default = RunConfig.model_fields[key].default
        entries = section.get(key, [entry.model_dump() for entry in default])
        if isinstance(entries, (list, tuple)):  # otherwise validation fails with a message
            section[key] = [_spelled_out(entry, "url") for entry in entries]
            for entry in section[key]:
                _set(entry, tuple(rest[1:]), value)
    else:
        section[key] = _spelled_out(section.get(key), _SHORT_FORMS.get(key, "name"))
        _set(section[key], tuple(rest), value)


def _spelled_out(section: Any, key: str) -> dict[str, Any]:
    if section is None:
        return {}
    return dict(section) if isinstance(section, dict) else {key: section}


def _origin(keys: Sequence[str], path: Path | None, flags: Sequence[Flag]) -> str:
    """Return where the value at `keys` comes from: a flag, or the file and its key."""
    pattern = tuple("*" if key.isdigit() else key for key in keys)
    set_by = [flag.name for flag in flags if flag.keys == pattern[: len(flag.keys)]]
    return set_by[0] if set_by else f"{path or 'config'}: {'.'.join(keys)}"
