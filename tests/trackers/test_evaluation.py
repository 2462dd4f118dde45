"""Our scores equal those of TrackEval to 1e-6, and SORT scores as published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trackers import make_tracker
from trackers.evaluation.evaluate import evaluate, gathered
from trackers.evaluation.report import evaluate_files
from trackers.motchallenge.history import History
from trackers.motchallenge.run import run_files
from trackers.motchallenge.text import MotResult, MotRows, read_mot
from trackers.sort import Sort

pytest.importorskip("trackeval", reason="`make test` installs it")

from tests.support.trackeval_scores import challenge_scores, plain_scores

SORT_PUBLISHED = {  # from its README: false positives, misses, switches, fragments, MT, PT, ML
    "TUD-Campus": (15, 113, 6, 9, 6, 2, 0),
    "ETH-Sunnyday": (319, 418, 22, 54, 11, 16, 3),
    "ADL-Rundle-8": (959, 3781, 103, 211, 6, 16, 6),
    "KITTI-17": (38, 225, 9, 16, 1, 8, 0),
}
COUNTS = (
    *("false_positives", "misses", "switches", "fragments"),
    *("mostly_tracked", "partly_tracked", "mostly_lost"),
)


def assert_same(ours: Mapping[str, Any], theirs: Mapping[str, float]) -> None:
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, abs=1e-6, rel=0)


@pytest.fixture(scope="module")
def tracked(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tracker's results on all sequences of MOT15."""
    folder = tmp_path_factory.mktemp("results")
    run_files(data / "mot15", folder, by_bytetrack)
    return folder


def test_every_sequence_scores_as_trackeval_scores_it(
    data: Path, tmp_path: Path, tracked: Path
) -> None:
    names = [folder.name for folder in sorted((data / "mot15").iterdir())]
    assert len(names) == 11
    files = {n: (data / "mot15" / n / "gt" / "gt.txt", tracked / f"{n}.txt") for n in names}
    theirs = challenge_scores(tmp_path, files, "MOT15")
    ours = evaluate_files(data / "mot15", tracked).as_json()
    for name in names:
        assert_same(ours["sequences"][name], theirs[name])
    assert_same(ours["overall"], theirs["all"])


@pytest.mark.parametrize("benchmark", ["MOT17", "MOT20"])
def test_distractors_and_excluded_boxes_are_scored_as_in_trackeval(
    tmp_path: Path, benchmark: str
) -> None:
    random = np.random.default_rng(5)
    truth, results = labelled_crowd(random), tmp_path / "results.txt"
    path = tmp_path / f"{benchmark}-01" / "gt" / "gt.txt"
    path.parent.mkdir(parents=True)
    path.write_text(as_text(truth))
    found = noisy(truth, random)
    results.write_text(as_text(replace(found, class_ids=np.ones(len(found), np.int64))))
    theirs = challenge_scores(tmp_path, {f"{benchmark}-01": (path, results)}, benchmark)["all"]
    assert theirs["false_positives"] > 50 and theirs["switches"] > 5
    assert_same(evaluate_files(path, results).overall.as_json(), theirs)


def test_no_results_and_no_ground_truth_score_as_in_trackeval() -> None:
    random = np.random.default_rng(6)
    truth = labelled_crowd(random)
    truth = truth[truth.scores != 0]
    results, no_boxes = noisy(truth, random), truth[np.zeros(len(truth), bool)]
    assert_same(scores(truth, no_boxes), plain_scores(truth, no_boxes))
    counts = scores(no_boxes, results)
    assert {n: counts[n] for n in COUNTS[:4]} == {
        n: plain_scores(no_boxes, results)[n] for n in COUNTS[:4]
    }


def test_each_class_of_the_street_clips_scores_as_in_trackeval(data: Path) -> None:
    random = np.random.default_rng(7)
    for path in sorted((data / "street" / "gt").iterdir()):
        truth = read_mot(path, with_classes=True)
        results = noisy(truth, random)
        for class_id, found in evaluate(truth, results).items():
            assert_same(found.as_json(), plain_scores(of(truth, class_id), of(results, class_id)))


def test_sort_by_frame_counts_has_the_published_scores_of_sort(data: Path, tmp_path: Path) -> None:
    """As published: one filter step per frame, and a track may miss one frame."""
    for name in SORT_PUBLISHED:
        detections = data / "mot15" / name / "det" / "det.txt"
        run_files(detections, tmp_path / f"{name}.txt", sort_by_frames, frame_rate=30)
    evaluation = evaluate_files(data / "mot15", tmp_path).as_json()["sequences"]
    found = {name: tuple(evaluation[name][c] for c in COUNTS) for name in SORT_PUBLISHED}
    assert found == SORT_PUBLISHED


def by_bytetrack(history: History) -> MotResult:
    return MotResult.of(history.tracks(make_tracker("bytetrack")))


def sort_by_frames(history: History) -> MotResult:
    return MotResult.of(history.tracks(Sort(buffer_seconds=2 / 30)))


def labelled_crowd(random: np.random.Generator) -> MotRows:
    """Return moving objects of all classes of MOT17 in 60 frames, some excluded by score 0."""
    count, frames = 26, np.arange(1, 61)
    centre = random.uniform(0, 500, (count, 2)) + np.cumsum(
        random.normal(0, 3, (60, count, 2)), axis=0
    )
    half = random.uniform(15, 45, (count, 2))
    visible = random.random((60, count)) < 0.9
    boxes = np.concatenate((centre - half, centre + half), axis=2)
    return MotRows(
        frames.repeat(visible.sum(axis=1)),
        np.broadcast_to(np.arange(1, count + 1), visible.shape)[visible],
        boxes[visible],
        (random.random(visible.sum()) < 0.9).astype(float),
        np.broadcast_to(np.where(np.arange(count) < 13, np.arange(count) + 1, 1), visible.shape)[
            visible
        ],
    )


def noisy(truth: MotRows, random: np.random.Generator) -> MotRows:
    """Return the boxes with noise, without 15 % of them, and with identities that change."""
    kept = random.random(len(truth)) < 0.85
    seen = truth[kept]
    boxes = seen.boxes_xyxy + random.normal(0, 4, (len(seen), 4))
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    ids = seen.ids * 1000 + (seen.frames + seen.ids) // 25  # a new identity every 25 frames
    return MotRows(seen.frames, ids, boxes, np.ones(len(seen)), seen.class_ids)


def as_text(rows: MotRows) -> str:
    """Return the text of a ground-truth file of MOT17."""
    sizes = rows.boxes_xyxy[:, 2:] - rows.boxes_xyxy[:, :2]
    columns = (
        rows.frames,
        rows.ids,
        *rows.boxes_xyxy[:, :2].T,
        *sizes.T,
        rows.scores,
        rows.class_ids,
    )
    return "".join(
        f"{frame},{i},{x:.3f},{y:.3f},{w:.3f},{h:.3f},{mark:g},{c},1\n"
        for frame, i, x, y, w, h, mark, c in zip(*columns, strict=True)
    )


def of(rows: MotRows, class_id: int) -> MotRows:
    return rows[rows.class_ids == class_id]


def scores(truth: MotRows, results: MotRows) -> dict[str, Any]:
    return gathered([("", evaluate(truth, results, "mot15"))]).overall.as_json()
