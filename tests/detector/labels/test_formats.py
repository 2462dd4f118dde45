"""Labels through every format and back lose nothing that both can say."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.labels.findings import Findings
from detector.labels.formats import Format, read_labels, write_labels
from detector.labels.labelled import LabelledSet
from tests.support import labels as made

PAIRS = list(permutations(Format, 2))
pairs = pytest.mark.parametrize(
    ("one", "other"), PAIRS, ids=[f"{a.name}-{b.name}".lower() for a, b in PAIRS]
)


def through(labels: LabelledSet, folder: Path, each: Format) -> LabelledSet:
    """Write labels in a format, and read them."""
    path = folder / made.NAMES[each]
    write_labels(labels, path)
    findings = Findings()
    found = read_labels(path, findings)
    assert not findings.lines and not findings.notes
    return found


def single(labels: LabelledSet, *formats: Format) -> LabelledSet:
    """Return only the first clip if a format has only one."""
    if Format.CVAT not in formats:
        return labels
    return LabelledSet(labels.classes, labels.clips[:1])


@pytest.fixture(scope="module")
def street(data: Path) -> LabelledSet:
    return made.street(data, limit=150)


@pairs
def test_the_truth_of_the_street_clips_comes_back(
    one: Format, other: Format, street: LabelledSet, tmp_path: Path
) -> None:
    given = single(street, one, other)
    back = through(through(given, tmp_path, one), tmp_path, other)
    assert made.said(back, one, other) == made.said(given, one, other)


@settings(max_examples=12)
@given(made.labelled_sets(), st.sampled_from(PAIRS))
def test_generated_videos_come_back_through_any_two_formats(
    labels: LabelledSet, pair: tuple[Format, Format]
) -> None:
    given = single(labels, *pair)
    with TemporaryDirectory() as folder:
        back = through(through(given, Path(folder), pair[0]), Path(folder), pair[1])
    assert made.said(back, *pair) == made.said(given, *pair)


@settings(max_examples=12)
@given(made.labelled_sets())
def test_videos_of_any_size_class_and_track_come_back(labels: LabelledSet) -> None:
    for each in Format:
        given = single(labels, each)
        with TemporaryDirectory() as folder:
            back = through(given, Path(folder), each)
        assert made.said(back, each) == made.said(given, each), each
        assert back.classes == given.classes


@settings(max_examples=12)
@given(made.labelled_sets(video=False))
def test_pictures_come_back_under_their_names(labels: LabelledSet) -> None:
    for each in (k for k in Format if k is not Format.MOT):
        given = single(labels, each)
        with TemporaryDirectory() as folder:
            back = through(given, Path(folder), each)
        assert made.said(back, each) == made.said(given, each), each
        assert [clip.files for clip in back.clips] == [clip.files for clip in given.clips]
