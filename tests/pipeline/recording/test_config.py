"""The section `recording`: what it accepts, and what it says about the rest."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from detector.errors import UsageError
from pipeline.assembly.run import build
from pipeline.config import RunConfig
from pipeline.recording.config import RecordingConfig, annotated_output
from pipeline.shown_config import shown_config
from tests.support.environment import PASSWORD

URL = "rec/{stream}/%Y-%m-%d/%H%M%S.mp4"


def run_config(source: Any, **more: Any) -> RunConfig:
    return RunConfig.model_validate({"sources": [source], "model": {"engine": "fake"}} | more)


@pytest.mark.parametrize(("mode", "seconds"), [("copy", 600), ("events", 10), ("annotated", 600)])
def test_the_length_of_a_file_depends_on_the_mode(mode: str, seconds: float) -> None:
    assert RecordingConfig.model_validate({"url": URL, "mode": mode}).seconds == seconds
    given = {"url": URL, "mode": mode, "segment_seconds": 7}
    assert RecordingConfig.model_validate(given).seconds == 7


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"url": "rec/%H.avi"}, "a file name that ends in .mkv, .mov, .mp4 is expected"),
        ({"url": "s3://bucket/%H.mp4"}, "a file name that ends in"),
        (
            {"url": "rec/all.mp4"},
            "put their moment into the name, as in runs/recordings/{stream}/%Y",
        ),
        ({"url": "rec/%Q.mp4"}, "'%Q' given: the name of a segment may have %Y"),
        ({"url": URL, "mode": "both"}, "'copy', 'events' or 'annotated'"),
        ({"url": URL, "segment_seconds": 0}, "greater than 0"),
        ({"url": URL, "keep": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_section_is_refused_with_what_is_accepted(
    options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        RecordingConfig.model_validate(options)
    assert complaint in str(refused.value)


def test_annotated_recordings_have_the_options_of_the_output() -> None:
    config = RecordingConfig(url=URL, mode="annotated", keep_bytes=5)
    assert annotated_output(config) == {
        "url": URL,
        "segment_seconds": 600,
        "segment_bytes": None,
        "keep_seconds": None,
        "keep_bytes": 5,
    }
    assert annotated_output(RecordingConfig(url=URL)) is None


def test_two_streams_that_would_record_to_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match=r"put \{stream\} into it"):
        build(
            run_config("rtsp://a/1", recording={"url": "rec/%H%M%S.mp4"}).model_copy(
                update={"sources": run_config("rtsp://a/1").sources * 2}
            )
        )


@pytest.mark.parametrize("recording", [None, {"url": URL, "mode": "annotated"}])
def test_a_second_stream_that_nothing_records_is_refused(recording: Any) -> None:
    source = {"url": "rtsp://a/1", "record_url": "rtsp://a/2"}
    with pytest.raises(UsageError, match="nothing is recorded by copying: add the section"):
        build(run_config(source, recording=recording))


def test_a_second_stream_of_a_recording_is_refused() -> None:
    source = {"url": "synthetic", "record_url": "rtsp://a/2"}
    with pytest.raises(UsageError, match="belongs to a camera, but synthetic is a recording"):
        build(run_config(source, recording={"url": URL}))


def test_events_that_nobody_notes_cannot_be_recorded() -> None:
    with pytest.raises(UsageError, match="there is no section 'events'"):
        build(run_config("rtsp://a/1", recording={"url": URL, "mode": "events"}))


def test_user_and_password_are_those_of_the_first_stream_unless_the_second_has_its_own() -> None:
    account = {"user": "viewer", "password": PASSWORD}
    both = {"url": "rtsp://a/1", "record_url": "rtsp://a/2"} | account
    (source,) = run_config(both, recording={"url": URL}).sources
    assert source.record_address == f"rtsp://viewer:{PASSWORD}@a/2"
    own = both | {"record_url": "rtsp://other:word@a/2"}
    (source,) = run_config(own, recording={"url": URL}).sources
    assert source.record_address == "rtsp://other:word@a/2"


def test_the_shown_configuration_has_no_password_of_the_second_stream() -> None:
    source = {"url": "rtsp://a/1", "record_url": f"rtsp://viewer:{PASSWORD}@a/2"}
    config = run_config(source, recording={"url": URL})
    shown = shown_config(config)
    assert PASSWORD not in str(shown)
    assert PASSWORD not in repr(config)
    assert shown["sources"][0]["record_url"] == "rtsp://a/2"
    assert shown["recording"]["url"] == URL
