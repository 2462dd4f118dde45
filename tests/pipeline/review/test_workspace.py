"""What was corrected can be undone, is saved whole, and is not overwritten by another window."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from detector.errors import UsageError
from detector.labels.formats import write_labels
from detector.labels.labelled import Boxes, LabelledBox, LabelledClip, LabelledSet
from pipeline.review.edits import deleted
from pipeline.review.workspace import Changed, Workspace


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    rows = [LabelledBox(k, (k, 5, k + 10, 20), 0, track) for k in range(4) for track in (1, 2)]
    clip = LabelledClip("clip", Boxes.of(rows), np.arange(4), 4, (40, 60))
    path = tmp_path / "labels.cvat.xml"
    write_labels(LabelledSet(("person",), (clip,)), path)
    return path


def without(track: int):  # type: ignore[no-untyped-def]
    return lambda clip: deleted(clip.boxes, clip.boxes.tracks == track)


def test_corrections_are_undone_and_made_again(labels: Path) -> None:
    workspace = Workspace(labels, labels)
    first, second = workspace.clip.boxes.track_ids
    assert workspace.is_saved and not workspace.can_undo
    workspace.change(0, without(first))
    assert workspace.clip.boxes.track_ids == [second] and not workspace.is_saved
    workspace.undo(1)
    assert workspace.clip.boxes.track_ids == [first, second] and workspace.is_saved
    workspace.redo(2)
    assert workspace.clip.boxes.track_ids == [second]
    workspace.undo(3)
    workspace.change(4, without(second))
    assert not workspace.can_redo
    workspace.undo(5)
    workspace.undo(6)
    assert not workspace.can_undo, "more than that cannot be undone"


def test_the_file_changes_when_it_is_saved(labels: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.cvat.xml"
    workspace = Workspace(labels, output)
    assert not workspace.is_saved, "the output is not written yet"
    workspace.change(0, without(workspace.clip.boxes.track_ids[0]))
    assert not output.exists()
    workspace.save()
    assert workspace.is_saved
    assert len(ElementTree.parse(output).findall("track")) == 1
    assert len(ElementTree.parse(labels).findall("track")) == 2


def test_another_window_that_has_not_seen_a_change_is_refused(labels: Path) -> None:
    workspace = Workspace(labels, labels)
    workspace.change(0, without(workspace.clip.boxes.track_ids[0]))
    with pytest.raises(Changed, match="changed in another window"):
        workspace.change(0, without(2))
    with pytest.raises(Changed):
        workspace.undo(0)


def test_only_formats_that_keep_everything_are_saved(labels: Path, tmp_path: Path) -> None:
    for name in ("out.yolo.zip", "out.txt", "out"):
        with pytest.raises(UsageError, match=r"saves CVAT's XML and COCO's JSON"):
            Workspace(labels, tmp_path / name)


def test_corrections_that_were_not_saved_are_kept_beside_the_output(
    labels: Path, tmp_path: Path
) -> None:
    workspace = Workspace(labels, tmp_path / "out.cvat.xml")
    assert workspace.keep_unsaved() is None, "nothing was corrected"
    workspace.change(0, without(workspace.clip.boxes.track_ids[0]))
    assert workspace.keep_unsaved() == tmp_path / "out.unsaved.cvat.xml"
    assert len(ElementTree.parse(tmp_path / "out.unsaved.cvat.xml").findall("track")) == 1
    workspace.save()
    assert workspace.keep_unsaved() is None


def test_labels_of_another_size_than_the_recording_are_refused(labels: Path) -> None:
    assert Workspace(labels, labels, (40, 60)).clip.size == (40, 60)
    with pytest.raises(UsageError, match="of 60 x 40 pixels, but the recording has 80 x 40"):
        Workspace(labels, labels, (40, 80))


def test_labels_that_say_no_size_have_that_of_the_recording(tmp_path: Path) -> None:
    lines = tmp_path / "labels.jsonl"
    lines.write_text('{"index": 0, "tracks": []}\n')
    workspace = Workspace(lines, tmp_path / "out.coco.json", (40, 60))
    assert workspace.clip.size == (40, 60)


def test_what_is_wrong_in_the_labels_is_told(tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt/gt.txt").write_text("1,1,1,2,10,20,1,1,1\nx\n")
    workspace = Workspace(tmp_path, tmp_path / "out.coco.json")
    assert len(workspace.clip.boxes) == 1
    (line,) = workspace.left_out
    assert "gt.txt:2: numbers are expected" in line
