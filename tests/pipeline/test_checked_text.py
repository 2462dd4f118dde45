"""Names of streams are safe in paths, templates, URLs and log lines; URLs have no control codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from detector.terminal import printable
from pipeline.checked_text import MAX_NAME, is_stream_name
from pipeline.config import SourceConfig
from pipeline.stream_names import free_name

# Also the characters that paths, templates and terminals give a meaning to
TEXT = st.text(st.one_of(st.characters(), st.sampled_from("./\\%{}~*?#-_ \n\x1b\0:@")), max_size=80)


def assert_safe(name: str) -> None:
    assert 0 < len(name) <= MAX_NAME
    assert Path("out", f"{name}.mp4").parent == Path("out")
    assert Path("out", name).resolve().parent == Path("out").resolve()
    assert not set(name) & set("/\\%{}~*?#: \t\n\0")
    assert printable(name) == name
    assert name[0] not in ".-"


@given(TEXT)
def test_a_name_is_refused_or_safe(name: str) -> None:
    try:
        given_name = SourceConfig(url="synthetic", name=name).name
    except ValidationError:
        return
    assert given_name is not None
    assert_safe(given_name)


@given(TEXT)
def test_a_name_that_is_made_from_a_url_is_safe(url: str) -> None:
    try:
        source = SourceConfig(url=url)
    except ValidationError:
        return
    first = free_name(source, ())
    second = free_name(source, {first})
    assert_safe(first)
    assert_safe(second)
    assert first != second


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../victim", "/etc/passwd", "a/b", "a\\b", ".hidden", "-rf", "a.", "%H"),
        *("{stream}", "a\nb", "\x1b]0;x\x07", "\0", "\ud800", "a b", "a~2", "a.incomplete"),
        *("a" * 65, "\u202eabc"),
    ],
)
def test_names_that_mean_something_in_a_path_or_on_a_terminal_are_refused(name: str) -> None:
    assert not is_stream_name(name)
    with pytest.raises(ValidationError, match="a name consists of at most 64 letters"):
        SourceConfig(url="synthetic", name=name)


@pytest.mark.parametrize("name", ["door", "Eingang-Süd", "門", "cam_2.left", "192.168.1.20", "7"])
def test_usual_names_are_accepted(name: str) -> None:
    assert SourceConfig(url="synthetic", name=name).name == name


def test_a_name_in_two_spellings_of_unicode_is_one_name() -> None:
    assert SourceConfig(url="synthetic", name="Su\u0308d").name == "S\u00fcd"


@pytest.mark.parametrize("url", ["a\0.mp4", "rtsp://cam/1\r\nX: y", "http://cam/\x1b[2J", "\ud800"])
def test_a_url_with_control_characters_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="without control characters"):
        SourceConfig(url=url)


def test_the_name_of_a_file_may_have_any_characters() -> None:
    name = "a\nb.mp4"
    assert SourceConfig(url=name).url == name
    assert free_name(SourceConfig(url=name), ()) == "a-b"
