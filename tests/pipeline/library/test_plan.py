"""Which outputs a plan has, what it refuses at the start, and what makes it do all again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from detector.errors import UsageError
from detector.weights.zoo import MODELS
from pipeline.config import RunConfig
from pipeline.library.plan import Plan
from pipeline.library.recordings import find_recordings
from tests.support.library_plan import config_for


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with recordings in `rec`."""
    monkeypatch.chdir(tmp_path)
    for name in ("rec/a.mp4", "rec/north/a.mp4", "rec/100% {stream}.mkv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"not read")
    return tmp_path


def plan(here: Path, *words: str, outputs: tuple[str, ...], **more: object) -> Plan:
    config = config_for(here, outputs=outputs, **more)
    return Plan(config, find_recordings(words or ["rec"]).recordings)


def test_outputs_are_filled_in_and_absolute(here: Path) -> None:
    tasks = plan(here, outputs=("out/{path}.mp4", "text/{stream}-{suffix}/{path}.jsonl")).tasks
    assert [task.outputs for task in tasks] == [
        (f"{here}/out/100% {{stream}}.mp4", f"{here}/text/100-stream-mkv/100% {{stream}}.jsonl"),
        (f"{here}/out/a.mp4", f"{here}/text/a-mp4/a.jsonl"),
        (f"{here}/out/north/a.mp4", f"{here}/text/a-mp4/north/a.jsonl"),
    ]


@pytest.mark.parametrize(
    ("outputs", "folder"),
    [
        (("out/{path}.mp4", "out/text/{path}.jsonl"), "out"),
        (("video/{path}.mp4", "text/{path}.jsonl"), ""),
        (("out/{stream}/{path}.txt",), "out"),
        (("all-{path}.txt",), ""),
    ],
)
def test_the_manifest_lies_in_the_folder_that_all_outputs_have_in_common(
    here: Path, outputs: tuple[str, ...], folder: str
) -> None:
    assert plan(here, outputs=outputs).folder == here / folder


def test_without_outputs_each_recording_has_a_video_and_json_lines_in_runs(here: Path) -> None:
    config = RunConfig.model_validate({"sources": ["x"], "model": {"engine": "fake"}})
    tasks = Plan(config, find_recordings(["rec/a.mp4"]).recordings).tasks
    assert tasks[0].outputs == (f"{here}/runs/a.mp4", f"{here}/runs/a.jsonl")


@pytest.mark.parametrize(
    ("words", "output", "complaint"),
    [
        (["rec"], "out/all.jsonl", "put {path} into the name"),
        (["rec"], "out/{stream}.jsonl", "put {path} into the name"),
        (["rec/a.mp4", "rec/north/a.mp4"], "out.jsonl", "put {path} into the name"),
        (["rec"], "out/{pth}.jsonl", "{pth} means nothing here; did you mean '{path}'?"),
        (["rec/a.mp4", "rec/north/a.mp4"], "out/{path}.jsonl", "a pattern in quotes"),
        (["rec", "rec/a.mkv"], "out/{path}.jsonl", "put {suffix} into the name as well"),
        (["rec"], "rec/{path}.{suffix}", "no sink"),
        (["rec"], "rec/{path}.mp4", "rec/a.mp4 would be overwritten"),
        (["rec"], "out/{path}-%H.mp4", "annotate writes one file per recording"),
        (["rec"], "out/{path}.mpx", "annotate writes one file per recording"),
        (["rec"], "link/{path}.mp4", "is {here}/rec/a.mp4 under another name"),
    ],
)
def test_two_inputs_for_one_output_and_lost_inputs_are_refused(
    here: Path, words: list[str], output: str, complaint: str
) -> None:
    (here / "rec/a.mkv").touch() if "rec/a.mkv" in words else None
    (here / "link").symlink_to("rec")
    if complaint == "no sink":
        complaint = "annotate writes one file per recording"
    with pytest.raises(UsageError) as refused:
        plan(here, *words, outputs=(output,))
    assert complaint.replace("{here}", str(here)) in str(refused.value)


def test_the_outputs_of_an_earlier_run_in_the_same_folder_are_no_recordings(here: Path) -> None:
    outputs = ("rec/{path}.boxes.mp4",)
    (here / "rec/a.boxes.mp4").touch()
    assert [task.recording.path for task in plan(here, outputs=outputs).tasks] == [
        "100% {stream}",
        "a",
        "north/a",
    ]
    with pytest.raises(UsageError, match=r"rec/a\.boxes\.mp4 would be overwritten"):
        plan(here, "rec/a.boxes.mp4", "rec", outputs=outputs)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"events": {"folder": "events"}}, "events: annotate only writes outputs"),
        ({"serve": "127.0.0.1:8080"}, "serve: annotate only writes outputs"),
        ({"recording": {"url": "r/%s.mp4"}}, "recording: annotate only writes outputs"),
        ({"detect": {"classes": ["elephant"]}}, "no class 'elephant'"),
        ({"tracker": {"name": "lane", "bufer": 3}}, "bufer"),
        ({"sources": [{"url": "x", "max_age": 1.0}]}, "max_age"),
        ({"analytics": {"lines": [LINE := {"name": "l", "start": [0, 0], "end": [1, 1]}]}}, ""),
        ({"analytics": {"lines": [LINE | {"streams": ["b"]}]}}, "no stream 'b'"),
    ],
)
def test_mistakes_of_every_run_show_before_the_first(
    here: Path, more: dict[str, object], complaint: str
) -> None:
    if not complaint:
        assert plan(here, outputs=("out/{path}.jsonl",), **more).tasks
        return
    with pytest.raises(UsageError) as refused:
        plan(here, outputs=("out/{path}.jsonl",), **more)
    assert complaint in str(refused.value)


def test_a_job_is_plain_data_with_absolute_paths_and_the_lines_of_its_stream(here: Path) -> None:
    lines = [LINE | {"name": name, "streams": [name]} for name in ("a", "100-stream")]
    shutil.copytree(MODELS / "street", here / "my")
    made = plan(
        here,
        outputs=("out/{path}.jsonl", "out/{path}.txt"),
        analytics={"lines": lines},
        model={"name": "my/street.onnx", "engine": "fake"},
    )
    job = made.job(made.tasks[1], None, 2)
    config = RunConfig.model_validate(job.config)
    assert [line.name for line in config.analytics.lines] == ["a"]
    assert config.model.name == f"{here}/my/street.onnx"
    assert [output.url for output in config.outputs] == ["output-0.jsonl", "output-1.txt"]
    assert (job.number, job.source, job.attempt) == (1, "rec/a.mp4", 2)


def test_the_digest_says_what_outputs_depend_on(here: Path) -> None:
    def digests(outputs: tuple[str, ...] = ("out/{path}.jsonl",), **more: object) -> set[str]:
        made = plan(here, "rec/a.mp4", outputs=outputs, **more)
        return {made.digest(task) for task in made.tasks}

    shutil.copytree(MODELS / "street", here / "my")
    same = [digests(), digests(("elsewhere/{path}.jsonl",)), digests(watchdog=None)]
    assert len(set.union(*same)) == 1
    other = [
        digests(("out/{path}.txt",)),
        digests(detect={"conf": 0.4}),
        digests(tracker="sort"),
        digests(sources=[{"url": "x", "stride": 2}]),
        digests(outputs=({"url": "out/{path}.mp4", "crf": 30},)),  # type: ignore[arg-type]
    ]
    assert len(set.union(*same, *other)) == len(other) + 1
    assert digests(model={"name": "my/street.onnx", "engine": "fake"}) != same[0]  # its name
