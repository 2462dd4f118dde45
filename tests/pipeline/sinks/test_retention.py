"""The names of one stream's segments never match the template of another stream."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.checked_text import is_stream_name
from pipeline.sinks.retention import SegmentNames

DIRECTIVES = st.sampled_from(["%Y", "%y", "%m", "%d", "%H", "%M", "%S", "%j", "%s", "%%"])
LITERALS = st.sampled_from(["-", "_", ".", "~", "1", "a", "/", "/b"])
TEMPLATES = st.builds(
    lambda *parts: "".join(["x", *(piece for part in parts for piece in part)]) + ".mp4",
    st.lists(DIRECTIVES | LITERALS, max_size=4),
    st.just(["{stream}"]),
    st.lists(DIRECTIVES | LITERALS, max_size=4),
)
NAMES = st.text("12-.a", min_size=1, max_size=8).filter(is_stream_name)
MOMENTS = st.datetimes(datetime(2002, 1, 1), datetime(2100, 1, 1))


@settings(max_examples=80, deadline=None)
@given(TEMPLATES, NAMES, NAMES, MOMENTS, st.integers(0, 3))
def test_no_template_stands_for_the_segments_of_another_stream(
    tmp_path_factory: pytest.TempPathFactory,
    template: str,
    one: str,
    other: str,
    moment: datetime,
    number: int,
) -> None:
    assume(one != other and not template.endswith(("/.mp4", "..mp4")))
    folder = tmp_path_factory.mktemp("rec")
    theirs = SegmentNames(folder / template.replace("{stream}", other))
    path = theirs.at(moment)
    for _ in range(number):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path = theirs.at(moment)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.with_suffix(".incomplete.mp4").touch()
    assert set(theirs.existing()) >= {path, path.with_suffix(".incomplete.mp4")}
    assert not list(SegmentNames(folder / template.replace("{stream}", one)).existing())


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("cam-%s.mp4", "cam-2-1764333000.mp4"),
        ("cam-%H.mp4", "cam-12-13.mp4"),
        ("cam%s.mp4", "cam11764333000.mp4"),
        ("cam/%H%M%S.mp4", "cam-2/101010.mp4"),
    ],
)
def test_files_of_a_stream_with_a_similar_name_are_not_deleted(
    tmp_path: Path, template: str, name: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert list(SegmentNames(tmp_path / template).existing()) == []


@pytest.mark.parametrize(
    ("template", "other", "may"),
    [
        ("a/%H%M.mp4", "a/%M%H.mp4", True),
        ("a/%Y.mp4", "a/%H%M.mp4", True),
        ("a/%Y/1.mp4", "a/2026/1.mp4", True),
        ("a/cam%H.mp4", "a/cam12.mp4", True),
        ("a/x/../%H.mp4", "a/%M.mp4", True),
        ("a/%H%%.mp4", "a/12%%.mp4", True),
        ("a/cam%H.mp4", "a/cam123.mp4", False),
        ("a/cam%H.mp4", "a/door%H.mp4", False),
        ("a/%H.mp4", "b/%H.mp4", False),
        ("a/%H.mp4", "a/%H.jsonl", False),
        ("a/%H.mp4", "a/%H/%H.mp4", False),
        ("a/%H.mp4", "a/%j.mp4", False),
    ],
)
def test_templates_that_may_give_one_name_are_told(template: str, other: str, may: bool) -> None:
    assert SegmentNames(Path(template)).may_equal(Path(other)) is may
    if "%" in other:
        assert SegmentNames(Path(other)).may_equal(Path(template)) is may


def test_segments_of_all_epochs_of_a_stream_are_found_and_those_of_another_are_not(
    tmp_path: Path,
) -> None:
    template = "rec/{stream}/epoch-0000000012/%H%M%S.mp4"
    names = SegmentNames(tmp_path / template.replace("{stream}", "door"))
    kept = names.at(datetime(2026, 11, 28, 10, 0, 0))
    old = tmp_path / "rec/door/epoch-1764366000/090000.mp4"
    other = tmp_path / "rec/yard/epoch-0000000012/090000.mp4"
    foreign = tmp_path / "rec/door/epoch-12/090000.mp4"
    for path in (kept, old, other, foreign):
        path.parent.mkdir(parents=True)
        path.touch()
    assert kept.parent.name == "epoch-0000000012"
    assert set(names.existing()) == {kept, old}
    old.unlink()
    names.remove_empty_folders(old)
    assert not old.parent.exists() and kept.parent.exists()
