"""framelane labels check and stats: what they find and count."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from detector.labels.draft import ClipDraft, built_set
from detector.labels.findings import Findings
from detector.labels.formats import write_labels
from detector.labels.labelled import LabelledBox
from pipeline.commands.framelane import main
from tests.support import labels as made


def framelane(*words: object) -> Result:
    return CliRunner().invoke(main, ["labels", *map(str, words)])


def test_the_truth_of_the_street_clips_has_no_mistakes(data: Path) -> None:
    done = framelane("check", data / "street")
    assert done.exit_code == 0, done.output
    assert "3 clips, 1729 boxes: 0 mistakes" in done.output


def test_what_is_unlikely_is_named_with_its_frame(tmp_path: Path) -> None:
    rows = [
        LabelledBox(0, (10, 10, 30, 30), 0, 1),
        LabelledBox(0, (10, 10, 30.5, 30), 0),
        LabelledBox(1, (150, 10, 170, 30), 1, 1),
        LabelledBox(2, (10, 10, 11, 30), 0),
        LabelledBox(3, (190, 10, 220, 30), 0),
    ]
    draft = ClipDraft("door", rows, set(range(5)), 5, (100, 200))
    write_labels(built_set(["cat", "dog"], [draft], Findings()), tmp_path / "a.coco.json")
    done = framelane("check", tmp_path / "a.coco.json")
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "unlikely: clip 'door', frame 0: two boxes of cat are almost the same",
        "unlikely: clip 'door', frame 2: cat of 1 x 20 pixels",
        "unlikely: clip 'door', frame 3: cat reaches beyond the frame of 200 x 100 pixels",
        "unlikely: clip 'door', track 1: is cat in frame 0 and dog in frame 1",
        "unlikely: clip 'door', track 1: jumps from frame 0 to frame 1",
        "1 clips, 5 boxes: 0 mistakes, 5 unlikely",
    ]


def test_mistakes_are_shown_and_make_the_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt/gt.txt").write_text("1,1,1,2,10,20,1,1,1\n1,1,1,2,10,20,1,1,1\nx\n")
    done = framelane("check", tmp_path)
    assert done.exit_code == 1
    assert "mistake: " in done.output and "track 1 has two boxes" in done.output
    assert "gt.txt:3: numbers are expected" in done.output


def test_stats_count_what_the_readme_of_the_street_clips_says(data: Path, tmp_path: Path) -> None:
    write_labels(made.street(data), tmp_path / "a.coco.json")
    done = framelane("stats", tmp_path / "a.coco.json", "--json", tmp_path / "a.json")
    assert done.exit_code == 0, done.output
    numbers = json.loads((tmp_path / "a.json").read_text())
    assert numbers["all"]["classes"] == {"person": 1292, "bicycle": 132, "car": 305}
    assert numbers["all"]["frames"] == 2230
    clip = numbers["clips"]["car-detection"]
    assert (clip["frames"], clip["frames_with_objects"], clip["tracks"]) == (377, 143, 4)


def test_chosen_pictures_are_no_neighbours_so_that_no_track_jumps(tmp_path: Path) -> None:
    rows = [LabelledBox(k, (150 * k, 10, 150 * k + 20, 30), 0, 1) for k in range(2)]
    for is_video in (True, False):
        files = {} if is_video else {0: "a.jpg", 1: "b.jpg"}
        draft = ClipDraft("door", rows, {0, 1}, 2, (100, 200), is_video=is_video, files=files)
        path = tmp_path / f"{is_video}.cvat.xml"
        write_labels(built_set(["cat"], [draft], Findings()), path)
        done = framelane("check", path)
        assert ("jumps" in done.output) == is_video, done.output


def test_stats_in_a_pipe_show_names_in_full(tmp_path: Path) -> None:
    name = "a-very-long-name-of-a-clip-" * 4
    draft = ClipDraft(name, [LabelledBox(0, (1, 1, 9, 9), 0)], {0}, 1, (20, 20))
    write_labels(built_set(["c" * 60], [draft], Findings()), tmp_path / "a.coco.json")
    output = framelane("stats", tmp_path / "a.coco.json").output
    assert name in output and "c" * 60 in output
