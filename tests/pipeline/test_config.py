"""The configuration of a run: strict keys, short forms, flags that override the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detector.errors import UsageError
from detector.renamed import RenamedWarning
from pipeline.config import Flag, RunConfig, load_config, options_of

STRIDE = Flag("--stride", ("sources", "*", "stride"), 4)
CONF = Flag("--conf", ("detect", "conf"), 0.6)
MODEL = Flag("--model", ("model", "name"), "other")
TRACKER = Flag("--tracker", ("tracker", "name"), "none")


def load(folder: Path, text: str, *flags: Flag) -> RunConfig:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, flags)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("detct: {}", r"run\.yaml: detct: unknown key; did you mean 'detect'\?.*tracker"),
        ("detect: {confi: 1}", r"run\.yaml: detect\.confi: unknown key; did you mean 'conf'\?"),
        ("detect: {conf: 2}", r"run\.yaml: detect\.conf: 2 given: .*less than or equal to 1"),
        ("detect: {iou: x}", r"run\.yaml: detect\.iou: 'x' given: .*number"),
        ("sources: [{stride: 2}]", r"run\.yaml: sources\.0\.url: missing; a video file, URL"),
        ("sources: []", r"run\.yaml: sources: \[\] given: .*at least 1"),
        ("sources: 5", r"run\.yaml: sources: 5 given"),
        ("sources:", r"run\.yaml: sources: None given"),
        ("outputs: [{url: a.mp4}, 3]", r"run\.yaml: outputs\.1: 3 given"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_the_accepted_values(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        load(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_a_wrong_flag_is_named_as_it_was_typed(tmp_path: Path) -> None:
    stride = Flag("--stride", ("sources", "*", "stride"), 0)
    with pytest.raises(UsageError, match=r"^--stride: 0 given: .*greater than or equal to 1"):
        load(tmp_path, "sources: [a.mp4]", stride)
    with pytest.raises(UsageError, match=r"^--conf: 7 given"):
        load_config(None, [Flag("--conf", ("detect", "conf"), 7)])


def test_short_forms_are_spelled_out(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "sources: [a.mp4, {url: b.mp4, stride: 2}]\nmodel: street\ntracker: none\noutputs: [c.mp4]",
    )
    assert [(source.url, source.stride) for source in config.sources] == [
        ("a.mp4", 1),
        ("b.mp4", 2),
    ]
    assert (config.model.name, config.tracker.name) == ("street", "none")
    assert [output.url for output in config.outputs] == ["c.mp4"]


def test_flags_override_the_file_and_nothing_else(tmp_path: Path) -> None:
    text = (
        "model: {name: street, engine: openvino}\ntracker: bytetrack\ndetect: {conf: .3, iou: .7}"
    )
    config = load(tmp_path, text, CONF, MODEL, TRACKER)
    assert (config.detect.conf, config.detect.iou) == (0.6, 0.7)
    assert (config.model.name, config.model.engine, config.tracker.name) == (
        "other",
        "openvino",
        "none",
    )


def test_a_flag_for_all_sources_reaches_each_and_keeps_its_keys(tmp_path: Path) -> None:
    config = load(tmp_path, "sources: [a.mp4, {url: b.mp4, name: b, stride: 2}]", STRIDE)
    assert [(source.url, source.name, source.stride) for source in config.sources] == [
        ("a.mp4", None, 4),
        ("b.mp4", "b", 4),
    ]


def test_a_flag_for_all_sources_reaches_the_default_one() -> None:
    (source,) = load_config(None, [STRIDE]).sources
    assert (source.url, source.max_frames, source.stride) == ("synthetic", 300, 4)


def test_sources_from_the_command_line_replace_those_of_the_file_before_other_flags(
    tmp_path: Path,
) -> None:
    sources = Flag("SOURCES", ("sources",), ("b.mp4",))
    config = load(tmp_path, "sources: [{url: a.mp4, realtime: true}]", sources)
    assert [(source.url, source.realtime) for source in config.sources] == [("b.mp4", False)]


def test_further_keys_of_an_open_section_are_options(tmp_path: Path) -> None:
    config = load(tmp_path, "tracker: {name: bytetrack, buffer_seconds: 2.0}")
    assert options_of(config.tracker) == {"buffer_seconds": 2.0}


@pytest.mark.parametrize("value", ["", " 5", " clip.mp4", " {url: clip.mp4}"])
def test_sources_that_are_not_a_list_are_refused_with_and_without_a_flag(
    tmp_path: Path, value: str
) -> None:
    for flags in ((), (STRIDE,)):
        with pytest.raises(UsageError, match=r"run\.yaml: sources: .* given"):
            load(tmp_path, f"sources:{value}", *flags)


def test_a_source_of_a_wrong_type_is_refused_with_and_without_a_flag(tmp_path: Path) -> None:
    for flags in ((), (STRIDE,)):
        with pytest.raises(UsageError, match=r"sources\.0"):
            load(tmp_path, "sources: [5]", *flags)


@pytest.mark.parametrize(
    ("section", "flag", "read"),
    [
        ("detect", CONF, lambda config: config.detect.conf == 0.6),
        ("model", MODEL, lambda config: config.model.name == "other"),
        ("tracker", TRACKER, lambda config: config.tracker.name == "none"),
    ],
)
def test_a_flag_may_set_a_section_that_the_file_leaves_empty(
    tmp_path: Path, section: str, flag: Flag, read: Any
) -> None:
    assert read(load(tmp_path, f"{section}:", flag))


def test_the_old_name_of_the_server_still_works_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(RenamedWarning, match="control is called serve now"):
        config = load(tmp_path, "control: 127.0.0.1:8080")
    assert config.serve and config.serve.address == "127.0.0.1:8080"


def test_the_option_sets_the_address_beside_the_rest_of_the_section(tmp_path: Path) -> None:
    flag = Flag("--serve", ("serve", "address"), "127.0.0.1:1")
    config = load(tmp_path, "serve: {schemes: [rtsp]}", flag)
    assert config.serve and config.serve.address == "127.0.0.1:1"
    assert config.serve.schemes == ("rtsp",)


def test_a_token_that_is_too_short_is_refused_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 16") as caught:
        load(tmp_path, "serve: {tokens: {robot: {token: hunter2}}}")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("secret", ["password: hunter2", "password: 'scrypt:1:8:1:hunter2:aa'"])
def test_a_password_that_is_no_hash_is_refused_and_not_shown(tmp_path: Path, secret: str) -> None:
    with pytest.raises(UsageError, match="--add-user NAME") as caught:
        load(tmp_path, f"serve: {{users: {{anna: {{{secret}}}}}}}")
    assert "hunter2" not in str(caught.value)
