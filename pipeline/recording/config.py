"""The section `recording` of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from pipeline.checked_text import Url
from pipeline.media.muxing import FORMATS
from pipeline.sinks.retention import DIRECTIVES, SegmentNames

EVENT_SEGMENT_SECONDS = 10.0  # what is kept around an event is rounded up to this
SEGMENT_SECONDS = 600.0


def _template(url: str) -> str:
    if Path(url).suffix.lower() not in FORMATS or "://" in url:
        raise PydanticCustomError(
            "recording", "a file name that ends in {endings} is expected", {"endings": _ENDINGS}
        )
    if "%" not in url:
        raise PydanticCustomError(
            "recording",
            "a recording has many files: put their moment into the name, as in "
            "runs/recordings/{stream}/%Y-%m-%d/%H%M%S.mp4",
        )
    if unknown := SegmentNames.unsupported_directive(Path(url)):
        raise PydanticCustomError(
            "recording",
            "'{unknown}' given: the name of a segment may have {directives}",
            {"unknown": unknown, "directives": DIRECTIVES},
        )
    return url


_ENDINGS = ", ".join(FORMATS)


class RecordingConfig(BaseModel):
    """What is recorded of every stream, and for how long it is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    url: Annotated[Url, AfterValidator(_template)] = Field(
        description="template of the files' names; {stream} is replaced by the stream's name, "
        f"{DIRECTIVES} by the moment (UTC) of the first frame"
    )
    mode: Literal["copy", "events", "annotated"] = Field(
        default="copy",
        description="copy: the camera's own packets; events: of these only what overlaps an event; "
        "annotated: frames with boxes, encoded again",
    )
    segment_seconds: float | None = Field(
        default=None,
        gt=0,
        description="length after which a new file starts, at a keyframe; default: 600, with mode "
        "events 10",
    )
    segment_bytes: int | None = Field(
        default=None, gt=0, description="size after which a new file starts, at a keyframe"
    )
    keep_seconds: float | None = Field(
        default=None, gt=0, description="older files are deleted; default: none is"
    )
    keep_bytes: int | None = Field(
        default=None,
        gt=0,
        description="the oldest files of a stream are deleted while all of them are larger; "
        "default: none is",
    )
    audio: bool = Field(default=True, description="record audio as well; not with mode annotated")
    pre_seconds: float = Field(
        default=5.0, ge=0, description="with mode events: kept before an event"
    )
    post_seconds: float = Field(
        default=5.0, ge=0, description="with mode events: kept after an event"
    )

    @property
    def seconds(self) -> float:
        """Length after which a new file starts."""
        usual = EVENT_SEGMENT_SECONDS if self.mode == "events" else SEGMENT_SECONDS
        return usual if self.segment_seconds is None else self.segment_seconds


def annotated_output(config: RecordingConfig) -> dict[str, Any] | None:
    """Return the output that records annotated frames; None with other modes."""
    if config.mode != "annotated":
        return None
    options = {
        "segment_seconds": config.seconds,
        "segment_bytes": config.segment_bytes,
        "keep_seconds": config.keep_seconds,
        "keep_bytes": config.keep_bytes,
    }
    return {"url": config.url} | options
