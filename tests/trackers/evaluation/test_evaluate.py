"""Scores that can be counted by hand, files and folders, and what the field knows of sequences."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from detector.errors import UsageError
from tests.support.paths import ROOT
from trackers import make_tracker
from trackers.__main__ import main
from trackers.evaluation.evaluate import evaluate, gathered
from trackers.evaluation.ignore_regions import read_ignore, without_ignored
from trackers.evaluation.rules import Rules
from trackers.motchallenge.frame_choice import FrameChoice
from trackers.motchallenge.text import MotRows, mot_lines, read_mot

Row = tuple[int, int, float, float, int]  # frame, id, left, top, class
SORT_MOTA = {  # published, with the same detections: name -> frames per second, MOTA
    "TUD-Campus": (25.0, 0.627),
    "ETH-Sunnyday": (14.0, 0.591),
    "ETH-Pedcross2": (14.0, 0.454),
    "KITTI-17": (10.0, 0.602),
}


def rows(*boxes: Row) -> MotRows:
    """Return rows of 20 x 40 boxes, all of which count, in the order of frames."""
    left_top = np.array([row[2:4] for row in boxes], float).reshape(-1, 2)
    return MotRows(
        np.array([frame for frame, *_ in boxes], np.int64),
        np.array([row[1] for row in boxes], np.int64),
        np.hstack((left_top, left_top + np.array([20, 40]))),
        np.ones(len(boxes)),
        np.array([row[4] for row in boxes], np.int64),
    )


def track(path: Path, detections: MotRows, rate: float, frames: Iterable[int]) -> MotRows:
    """Return the tracks of these frames, as they are written to and read from `path`."""
    tracker = make_tracker("bytetrack")
    lines = [
        mot_lines(k - 1, tracker.update(detections.at(k).detections(), k / rate)) for k in frames
    ]
    path.write_text("".join(lines))
    return read_mot(path, with_classes=True)


def overall(truth: MotRows, results: MotRows, rules: Rules = "classes") -> dict[str, Any]:
    """Return the scores of all classes together."""
    return gathered([("", evaluate(truth, results, rules))]).overall.as_json()


def idf1_of(truth: MotRows, results: MotRows, frames: Sequence[int]) -> float:
    """Return IDF1 over the frames that the tracker was given."""
    return float(overall(truth.among(np.array(frames)), results)["idf1"])


def test_what_is_missed_invented_and_switched_is_counted() -> None:
    truth = rows(*((frame, 7, 10.0 * frame, 0, 0) for frame in range(1, 11)))
    results = rows(
        *((frame, 1, 10.0 * frame, 0, 0) for frame in range(1, 6)),  # 5 of 10 as 1
        *((frame, 2, 10.0 * frame, 0, 0) for frame in range(7, 11)),  # one missed, 4 of 10 as 2
        (6, 3, 500, 0, 0),  # and one invented
    )
    scores = overall(truth, results)
    assert scores["mota"] == pytest.approx(1 - 3 / 10)
    assert scores["idf1"] == pytest.approx(2 * 5 / (10 + 10))
    assert scores["deta"] == pytest.approx(9 / 11)
    assert scores["assa"] == pytest.approx((5 * 5 / 10 + 4 * 4 / 10) / 9)
    assert scores["hota"] == pytest.approx(math.sqrt(scores["deta"] * scores["assa"]))
    counts = ("switches", "fragments", "false_positives", "misses", "objects")
    assert [scores[name] for name in counts] == [1, 1, 1, 1, 10]


def test_classes_are_told_apart_and_summed() -> None:
    truth = rows((1, 1, 0, 0, 0), (1, 2, 100, 0, 2), (2, 2, 100, 0, 2))
    results = rows((1, 1, 0, 0, 0), (1, 2, 100, 0, 2), (2, 2, 100, 0, 1))
    classes = gathered([("a", evaluate(truth, results))]).as_json()["classes"]
    assert classes["0"]["mota"] == 1
    assert classes["1"]["mota"] is None  # nothing is labelled
    assert classes["2"]["mota"] == 0.5
    scores = overall(truth, results)
    assert (scores["objects"], scores["misses"], scores["false_positives"]) == (3, 1, 1)
    assert scores["mota"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(("height", "misses"), [(20.0, 0), (19.9, 1)])
def test_half_an_intersection_over_union_is_a_match(height: float, misses: int) -> None:
    truth = rows((1, 1, 0, 0, 0))
    lower_part = replace(truth, boxes_xyxy=np.array([[0, 40 - height, 20, 40]]))
    assert overall(truth, lower_part)["misses"] == misses


@pytest.mark.parametrize("rules", ["classes", "mot15"])
def test_truth_that_is_marked_with_0_does_not_count(rules: Rules) -> None:
    truth = rows((1, 1, 0, 0, 0), (1, 2, 300, 0, 0))
    truth = replace(truth, scores=np.array([1.0, 0.0]))
    assert overall(truth, rows((1, 1, 0, 0, 0)), rules)["mota"] == 1


def test_no_truth_and_no_results_have_no_rates() -> None:
    scores = overall(rows(), rows())
    assert {scores[name] for name in ("hota", "mota", "idf1", "loca")} == {None}
    assert {scores[name] for name in ("switches", "misses", "false_positives", "objects")} == {0}


def test_only_pedestrians_are_to_be_found_and_distractors_may_be(tmp_path: Path) -> None:
    """By the rules of MOT17: a found distractor does not count, a found car does."""
    pedestrian, static_person, car = (1, 1, 0, 0, 1), (1, 2, 100, 0, 7), (1, 3, 200, 0, 3)
    truth = rows(pedestrian, static_person, car)
    results = rows((1, 1, 0, 0, 0), (1, 2, 100, 0, 0), (1, 3, 200, 0, 0))
    scores = overall(truth, results, "mot17")
    assert [scores[name] for name in ("objects", "misses", "false_positives")] == [1, 0, 1]
    vehicle = rows(pedestrian, (1, 2, 100, 0, 6))
    found = rows((1, 1, 0, 0, 0), (1, 2, 100, 0, 0))
    assert overall(vehicle, found, "mot17")["false_positives"] == 1
    assert overall(vehicle, found, "mot20")["false_positives"] == 0


def test_a_class_that_the_rules_do_not_know_is_refused() -> None:
    with pytest.raises(UsageError, match="class 14: the rules of mot17 know classes 1 to 13"):
        evaluate(rows((1, 1, 0, 0, 14)), rows(), "mot17")


def test_an_ignored_region_drops_what_lies_in_it_and_matches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ignore.txt"
    path.write_text("2,3,0,0,210,100\n")
    truth = rows((2, 1, 0, 0, 0), (3, 1, 0, 0, 0))
    results = rows(
        (1, 5, 50, 0, 0),  # before the region holds
        (2, 1, 2, 0, 0),  # the labelled object itself
        (2, 5, 50, 0, 0),  # in the region: dropped
        (2, 6, 4, 0, 0),  # on the object, which another box has: dropped
        (2, 7, 201, 0, 0),  # less than half in the region
        (3, 8, 2, 0, 1),  # on the object, of another class: dropped
        (3, 9, 200, 0, 0),  # half in the region: dropped
        (4, 5, 50, 0, 0),  # after it
    )
    kept = without_ignored(truth, results, read_ignore(path))
    assert list(zip(kept.frames.tolist(), kept.ids.tolist(), strict=True)) == [
        (1, 5),
        (2, 1),
        (2, 7),
        (4, 5),
    ]


def test_a_wrong_region_is_refused_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "ignore.txt"
    path.write_text("1,5,0,0,10,10\n5,1,0,0,10,10\n")
    with pytest.raises(UsageError, match=r"ignore\.txt:2: .*first_frame <= last_frame"):
        read_ignore(path)


def test_truth_agrees_with_itself_and_its_ignored_regions_take_none_of_it(data: Path) -> None:
    for path in sorted((data / "street" / "gt").iterdir()):
        truth = read_mot(path, with_classes=True)
        kept = without_ignored(truth, truth, read_ignore(data / "street" / "ignore" / path.name))
        scores = overall(truth, kept)
        assert (scores["mota"], scores["idf1"], scores["objects"]) == (1, 1, len(truth))
        assert scores["hota"] == pytest.approx(1)


@pytest.mark.parametrize("sequence", SORT_MOTA)
def test_bytetrack_is_about_as_good_as_sort_on_sorts_own_detections(
    data: Path, tmp_path: Path, sequence: str
) -> None:
    rate, published = SORT_MOTA[sequence]
    folder = data / "mot15" / sequence
    truth = read_mot(folder / "gt" / "gt.txt", with_classes=False)
    detections = read_mot(folder / "det" / "det.txt", with_classes=False)
    frames = range(1, int(detections.frames[-1]) + 1)
    scores = overall(truth, track(tmp_path / "tracks.txt", detections, rate, frames))
    assert scores["mota"] > published - 0.05
    assert scores["idf1"] > 0.5
    assert scores["switches"] < 150


def test_dropped_frames_do_not_change_who_is_who_more_than_they_must(
    data: Path, tmp_path: Path
) -> None:
    """Given every third frame, seconds keep more than frame counts, which take each for 1/30 s."""
    full: list[float] = []
    two_of_three: list[float] = []
    one_of_three: list[float] = []
    counted: list[float] = []
    for sequence, (rate, _) in SORT_MOTA.items():
        folder = data / "mot15" / sequence
        truth = read_mot(folder / "gt" / "gt.txt", with_classes=False)
        detections = read_mot(folder / "det" / "det.txt", with_classes=False)
        every = range(1, int(detections.frames[-1]) + 1)
        for scores, frames, clock in (
            (full, every, rate),
            (two_of_three, [k for k in every if k % 3], rate),
            (one_of_three, every[::3], rate),
            (counted, every[::3], 90.0),
        ):
            results = track(tmp_path / "tracks.txt", detections, clock, frames)
            scores.append(idf1_of(truth, results, frames))
    assert np.mean(two_of_three) > 0.95 * np.mean(full)
    assert np.mean(one_of_three) > 0.9 * np.mean(full)
    assert np.mean(one_of_three) > np.mean(counted) + 0.03


def test_the_commands_track_a_file_and_score_it(data: Path, tmp_path: Path) -> None:
    folder, output, scores = data / "mot15" / "TUD-Campus", tmp_path / "t.txt", tmp_path / "s.json"
    detections, truth = folder / "det" / "det.txt", folder / "gt" / "gt.txt"
    options = ["--frame-rate", "25", "--option", "new_score=0.7", "--option", "class_aware=false"]
    done = command("run", "--detections", str(detections), "--output", str(output), *options)
    assert done.exit_code == 0, done.output
    flags = ["--gt", str(truth), "--results", str(output), "--rules", "mot15", "--frames", "1-50"]
    done = command("evaluate", *flags, "--json", str(scores))
    assert done.exit_code == 0, done.output
    written = json.loads(scores.read_text())
    assert written["sequences"]["TUD-Campus"] == written["overall"]
    in_range = sum(int(line.split(",")[0]) <= 50 for line in truth.read_text().splitlines())
    assert written["overall"]["objects"] == in_range
    assert f"{written['overall']['idf1']:.4f}" in done.output


@pytest.fixture
def two_sequences(data: Path, tmp_path: Path) -> Path:
    """A folder of two short sequences in the MOTChallenge's layout."""
    for name in ("TUD-Campus", "KITTI-17"):
        shutil.copytree(data / "mot15" / name, tmp_path / "mot" / name)
    return tmp_path / "mot"


def test_folders_are_tracked_at_the_rate_of_each_sequence_and_scored_together(
    two_sequences: Path, tmp_path: Path
) -> None:
    output, scores = tmp_path / "tracks", tmp_path / "scores.json"
    flags = ["--tracker", "lane", "--output", str(output)]
    done = command("run", "--detections", str(two_sequences), *flags)
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert sorted(file.name for file in output.iterdir()) == ["KITTI-17.txt", "TUD-Campus.txt"]
    files = ["--gt", str(two_sequences), "--results", str(output)]
    done = command("evaluate", *files, "--json", str(scores))
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    written = json.loads(scores.read_text())
    assert set(written["sequences"]) == {"KITTI-17", "TUD-Campus"}
    for name in ("objects", "switches", "misses"):
        assert written["overall"][name] == sum(s[name] for s in written["sequences"].values())
    shutil.rmtree(two_sequences / "TUD-Campus")
    done = command("evaluate", *files, "--json", str(scores))
    assert "not evaluated, ground truth missing: TUD-Campus" in done.stderr
    assert json.loads(scores.read_text())["overall"] == written["sequences"]["KITTI-17"]
    (output / "KITTI-17.txt").unlink()
    done = command("evaluate", *files)
    assert done.exit_code == 2 and "no sequence is in both" in done.stderr


def test_frames_that_are_left_out_are_left_out_by_both_commands(
    two_sequences: Path, tmp_path: Path
) -> None:
    output, scores = tmp_path / "tracks", tmp_path / "scores.json"
    chosen = ["--keep-every", "2", "--drop", "0.2", "--seed", "3", "--frames", "KITTI-17=11-60"]
    command("run", "--detections", str(two_sequences), "--output", str(output), *chosen)
    frames = [int(line.split(",")[0]) for line in (output / "KITTI-17.txt").read_text().split()]
    assert min(frames) >= 11 and max(frames) <= 59
    assert {frame % 2 for frame in frames} == {1} and len(set(frames)) < 25
    files = ["--gt", str(two_sequences), "--results", str(output), "--json", str(scores)]
    command("evaluate", *files, *chosen)
    truth = read_mot(two_sequences / "KITTI-17" / "gt" / "gt.txt", with_classes=False)
    given = FrameChoice({"": (11, 60)}, 2, 0.2, 3).of("", 145)
    counted = truth.among(given)
    assert json.loads(scores.read_text())["sequences"]["KITTI-17"]["objects"] == int(
        (counted.scores != 0).sum()
    )


def test_lost_and_finished_boxes_are_marked_in_column_9(
    two_sequences: Path, tmp_path: Path
) -> None:
    detections = two_sequences / "TUD-Campus" / "det" / "det.txt"
    for flags, marks in (
        ([], {"-1"}),
        (["--option", "emit_lost=true"], {"-1", "0"}),
        (["--refine"], {"1", "2"}),
    ):
        output = tmp_path / "t.txt"
        done = command("run", "--detections", str(detections), "--output", str(output), *flags)
        assert done.exit_code == 0, done.output
        assert {line.split(",")[8] for line in output.read_text().split()} == marks


def test_what_is_taken_for_granted_is_said(tmp_path: Path, two_sequences: Path) -> None:
    detections, output = tmp_path / "det.txt", tmp_path / "out.txt"
    detections.write_text("1,-1,5,5,10,10,93.6,-1,-1,-1\n2,-1,5,5,10,10,-0.4,-1,-1,-1\n")
    given = ["--detections", str(detections), "--output", str(output)]
    done = command("run", *given)
    assert "no --frame-rate and no seqinfo.ini: 30 fps is assumed" in done.stderr
    assert "scores are clipped to 0..1; set --score-range" in done.stderr
    done = command("run", *given, "--frame-rate", "25", "--score-range", "0", "100")
    assert done.stderr == "" and "0.9360" in output.read_text()
    camera = tmp_path / "camera"
    camera.mkdir()
    (camera / "KITTI-17.txt").write_text("0 1 0 0 0 1 0\n")
    folders = ["--detections", str(two_sequences), "--output", str(tmp_path / "tracks")]
    done = command("run", *folders, "--camera-path", str(camera))
    assert done.stderr.startswith("TUD-Campus: no TUD-Campus.txt in")
    assert done.stderr.count("\n") == 1


def test_classes_of_detections_are_kept_apart_if_they_have_any(tmp_path: Path) -> None:
    detections, output = tmp_path / "det.txt", tmp_path / "out.txt"
    rows = [f"{k},-1,{left},5,40,90,.9,{c}" for k in (1, 2, 3) for left, c in ((5, 0), (6, 2))]
    detections.write_text("\n".join(rows))
    given = ["--detections", str(detections), "--output", str(output), "--frame-rate", "25"]
    command("run", *given, "--with-classes")
    classes = {tuple(line.split(",")[1:8:6]) for line in output.read_text().split()}
    assert classes == {("1", "0"), ("2", "2")}


def test_results_without_identities_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text("1,-1,5,5,10,10,1,0\n")
    done = command("evaluate", "--gt", str(path), "--results", str(path))
    assert done.exit_code == 2 and "boxes without identities cannot be scored" in done.stderr


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--tracker", "sorted"], "unknown tracker 'sorted'"),
        (["--option", "buffer=2"], "no option 'buffer'; did you mean 'buffer_seconds'"),
        (["--option", "buffer_seconds"], "key=value is expected"),
        (["--option", "buffer_seconds=long"], "a number is expected"),
        (["--detections", "nowhere.txt"], "nowhere.txt: cannot be read"),
        (["--output", "{tmp}/det.txt/o.txt"], "o.txt: cannot be written"),
        (["--score-range", "2", "1"], "the second number must be above the first"),
    ],
)
def test_a_users_error_is_one_line_and_exit_code_2(
    tmp_path: Path, flags: list[str], said: str
) -> None:
    detections = tmp_path / "det.txt"
    detections.write_text("1,-1,5,5,10,10,.9\n")
    given = ["--detections", str(detections), "--output", str(tmp_path / "o.txt")]
    flags = [flag.replace("{tmp}", str(tmp_path)) for flag in flags]
    done = command("run", *given, "--frame-rate", "25", *flags)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("frames", ["7", "0-5", "9-3", "a-b", "name=5"])
def test_a_wrong_range_of_frames_is_refused(tmp_path: Path, frames: str) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,5,5,10,10,1,0\n")
    done = command("evaluate", "--gt", str(path), "--results", str(path), "--frames", frames)
    assert done.exit_code == 2
    assert "A-B or NAME=A-B is expected" in done.stderr


def test_help_loads_no_evaluation_library() -> None:
    code = (
        "import sys; sys.argv = ['trackers', '--help']; import trackers.__main__ as m\n"
        "try: m.main()\n"
        "except SystemExit: print(sorted({'trackeval', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "evaluate" in done.stdout
    assert done.stdout.endswith("[]\n")
