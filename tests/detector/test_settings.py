"""Reading a user's YAML: variables are filled in, errors name the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detector.errors import UsageError
from detector.settings import read_yaml


def written(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("", {}),
        ("# nothing yet\n", {}),
        ("url: ${CAMERA}", {"url": "rtsp://one"}),
        ("url: ${CAMERA}/sub?${CAMERA}", {"url": "rtsp://one/sub?rtsp://one"}),
        ("url: ${CAMERA:-clip.mp4}", {"url": "rtsp://one"}),
        ("url: ${ABSENT:-clip.mp4}", {"url": "clip.mp4"}),
        ("url: '${ABSENT:-}'", {"url": ""}),
        ("sources: [{url: '${CAMERA}'}, plain]", {"sources": [{"url": "rtsp://one"}, "plain"]}),
        ("cost: 5 $", {"cost": "5 $"}),
        ("count: 3\nreal: true", {"count": 3, "real": True}),
    ],
)
def test_variables_are_filled_in_in_every_string(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, content: dict[str, Any]
) -> None:
    monkeypatch.setenv("CAMERA", "rtsp://one")
    monkeypatch.delenv("ABSENT", raising=False)
    assert read_yaml(written(tmp_path, text)) == content


def test_the_error_for_an_unset_variable_says_how_to_write_a_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ABSENT", raising=False)
    path = written(tmp_path, "sources: [{url: '${ABSENT}'}]")
    with pytest.raises(UsageError) as raised:
        read_yaml(path)
    assert str(raised.value) == (
        f"{path}: the variable ABSENT is not set; set it, or write a default, as in "
        "${NAME:-default}"
    )


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words", "42"])
def test_yaml_that_is_not_a_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"run\.yaml: the top level must be a mapping of keys"):
        read_yaml(written(tmp_path, text))


def test_invalid_yaml_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"run\.yaml: not valid YAML: .*line 1") as raised:
        read_yaml(written(tmp_path, "a: [1,\nb: 2\n"))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_text_or_is_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "video.mp4").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(UsageError, match=r"video\.mp4: not valid YAML"):
        read_yaml(tmp_path / "video.mp4")
    with pytest.raises(UsageError, match=r"absent\.yaml: cannot be read: No such file"):
        read_yaml(tmp_path / "absent.yaml")
    with pytest.raises(UsageError, match=r"cannot be read: Is a directory"):
        read_yaml(tmp_path)
