"""Properties of every tracker in the table, and of the table itself."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

import trackers
from detector.detections import Detections
from detector.errors import UsageError
from tests.support.paths import ROOT
from trackers import TRACKERS, make_tracker
from trackers.inputs import DetectionsLike
from trackers.motchallenge.run import track
from trackers.motchallenge.text import read_mot
from trackers.tracks import Tracker, Tracks, TrackState

every_tracker = pytest.mark.parametrize("name", TRACKERS)


def walkers(k: int, count: int = 6) -> Detections:
    """Return the detections of frame k: people who walk to the right, one below the other."""
    top = 100.0 * np.arange(count)
    left = 50 + 4.0 * k + np.zeros(count)
    boxes = np.stack((left, top, left + 30, top + 80), axis=1).astype(np.float32)
    return Detections(boxes, np.full(count, 0.9, np.float32), np.zeros(count, np.int64))


def as_plain(tracks: Tracks) -> list[object]:
    return [
        tracks.boxes_xyxy.tolist(),
        tracks.scores.tolist(),
        tracks.class_ids.tolist(),
        tracks.ids.tolist(),
        tracks.states.tolist(),
    ]


def run(tracker: Tracker, frames: int = 20, first: int = 0) -> list[list[object]]:
    return [as_plain(tracker.update(walkers(k), k / 25)) for k in range(first, first + frames)]


@every_tracker
def test_the_yaml_file_has_the_defaults_of_the_constructor(name: str) -> None:
    configured = yaml.safe_load((ROOT / f"configs/trackers/{name}.yaml").read_text())
    parameters = inspect.signature(TRACKERS[name]).parameters
    assert configured == {option: p.default for option, p in parameters.items()}


@every_tracker
def test_identities_start_at_1_and_last(name: str) -> None:
    tracker = make_tracker(name)
    for k in range(40):
        tracks = tracker.update(walkers(k), k / 25).confirmed
    assert tracks.ids.tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(tracks.boxes_xyxy, walkers(39).boxes_xyxy, atol=2)


@every_tracker
def test_a_reset_tracker_equals_a_new_one(name: str) -> None:
    tracker = make_tracker(name)
    run(tracker, first=1000)
    tracker.reset()
    assert run(tracker) == run(make_tracker(name))


@every_tracker
def test_two_instances_are_independent(name: str) -> None:
    alone = run(make_tracker(name))
    one, other = make_tracker(name), make_tracker(name)
    together = [
        (as_plain(one.update(walkers(k), k / 25)), as_plain(other.update(walkers(k, 3), k / 7)))
        for k in range(20)
    ]
    assert [first for first, _ in together] == alone


@every_tracker
def test_returned_tracks_never_change(name: str) -> None:
    tracker = make_tracker(name)
    returned = [tracker.update(walkers(k), k / 25) for k in range(20)]
    assert [as_plain(tracks) for tracks in returned] == run(make_tracker(name))


@every_tracker
def test_detections_are_not_modified(name: str) -> None:
    tracker = make_tracker(name)
    for k in range(5):
        detections = walkers(k)
        for array in (detections.boxes_xyxy, detections.scores, detections.class_ids):
            array.flags.writeable = False
        tracker.update(detections, k / 25)


@every_tracker
def test_frames_without_detections_have_no_confirmed_tracks(name: str) -> None:
    tracker = make_tracker(name)
    assert len(tracker.update(Detections.empty(), 0.0)) == 0
    run(tracker, first=1)
    assert len(tracker.update(Detections.empty(), 1.0).confirmed) == 0


@every_tracker
def test_decreasing_time_is_an_assertion_error(name: str) -> None:
    tracker = make_tracker(name)
    tracker.update(walkers(0), 1.0)
    with pytest.raises(AssertionError):
        tracker.update(walkers(1), 0.9)


@every_tracker
def test_a_box_without_area_is_ignored_and_one_that_is_not_finite_is_an_assertion_error(
    name: str,
) -> None:
    boxes = np.array([[10, 10, 40, 90], [10, 10, 10, 90], [40, 10, 10, 90]], np.float32)
    scores, class_ids = np.full(3, 0.9, np.float32), np.zeros(3, np.int64)
    tracks = make_tracker(name).update(Detections(boxes, scores, class_ids), 0.0)
    assert tracks.ids.tolist() == [1]
    boxes[1, 2] = np.nan
    with pytest.raises(AssertionError, match="not finite"):
        make_tracker(name).update(Detections(boxes, scores, class_ids), 0.0)


@every_tracker
def test_arrays_and_objects_of_other_libraries_give_the_same_tracks(name: str) -> None:
    trackers = [make_tracker(name) for _ in range(3)]
    for k in range(10):
        detections = walkers(k)
        columns = {"xyxy": detections.boxes_xyxy, "confidence": detections.scores}
        array = np.column_stack((detections.boxes_xyxy, detections.scores, detections.class_ids))
        forms: tuple[DetectionsLike, ...] = (
            detections,
            array,
            SimpleNamespace(**columns, class_id=detections.class_ids),
        )
        seen = [
            as_plain(tracker.update(form, k / 25))
            for tracker, form in zip(trackers, forms, strict=True)
        ]
        assert seen[0] == seen[1] == seen[2]


@every_tracker
def test_emit_lost_returns_lost_tracks_at_their_predicted_positions(name: str) -> None:
    tracker, without_lost = (
        make_tracker(name, buffer_seconds=1.0, emit_lost=e) for e in (True, False)
    )
    for k in range(30):
        tracker.update(walkers(k), k / 25)
        without_lost.update(walkers(k), k / 25)
    for k in range(30, 40):
        tracks, others = tracker.update([], k / 25), without_lost.update([], k / 25)
    assert tracks.ids.tolist() == [1, 2, 3, 4, 5, 6]
    assert set(tracks.states.tolist()) == {TrackState.LOST}
    np.testing.assert_allclose(tracks.boxes_xyxy, walkers(39).boxes_xyxy, atol=4)
    assert len(tracks.confirmed) == 0 and len(others) == 0


@every_tracker
def test_a_new_track_is_tentative_and_has_no_identity(name: str) -> None:
    tracker = make_tracker(name)
    for k in range(10):
        tracker.update(walkers(k, 3), k / 25)
    tracks = tracker.update(walkers(10, 4), 0.4)
    assert tracks.ids.tolist() == [1, 2, 3, -1]
    assert tracks.states.tolist() == [TrackState.CONFIRMED] * 3 + [TrackState.TENTATIVE]
    assert tracks.confirmed.ids.tolist() == [1, 2, 3]


@every_tracker
@pytest.mark.parametrize("class_aware", [True, False])
def test_a_class_aware_tracker_starts_a_new_track_when_the_class_changes(
    name: str, class_aware: bool
) -> None:
    """A detector labels a van as a car, then as a truck."""
    tracker, seen = make_tracker(name, class_aware=class_aware), set()
    for k in range(20):
        van = [[50 + 2 * k, 50, 150 + 2 * k, 120, 0.9, 2 + k // 10]]
        tracks = tracker.update(van, k / 25).confirmed
        seen |= set(zip(tracks.ids.tolist(), tracks.class_ids.tolist(), strict=True))
    assert seen == ({(1, 2), (2, 3)} if class_aware else {(1, 2), (1, 3)})


@every_tracker
def test_the_same_real_detections_give_the_same_tracks(name: str, data: Path) -> None:
    rows = read_mot(data / "mot15" / "TUD-Campus" / "det" / "det.txt", with_classes=False)
    frames, tracker = np.arange(1, 72), make_tracker(name)
    first = [as_plain(tracks) for _, tracks in track(tracker, rows, frames, 25.0)]
    tracker.reset()
    assert [as_plain(tracks) for _, tracks in track(tracker, rows, frames, 25.0)] == first
    seen = [tracks.ids for _, tracks in track(make_tracker(name), rows, frames, 25.0)]
    assert len(np.unique(np.concatenate(seen))) > 8


def test_an_error_for_an_unknown_tracker_names_the_nearest_and_all() -> None:
    with pytest.raises(UsageError, match=r"'bytetrak'; did you mean 'bytetrack'.*accepted: .*byte"):
        make_tracker("bytetrak")


def test_an_error_for_an_unknown_option_names_the_nearest_and_all() -> None:
    with pytest.raises(
        UsageError, match=r"no option 'buffer_second'; did you mean 'buffer_seconds'.*match_cost"
    ):
        make_tracker("bytetrack", buffer_second=2)


@pytest.mark.parametrize("value", ["long", True, None])
def test_a_value_of_the_wrong_type_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match=r"buffer_seconds=.*a number is expected"):
        make_tracker("bytetrack", buffer_seconds=value)


def test_a_whole_number_is_accepted_as_a_number() -> None:
    make_tracker("bytetrack", buffer_seconds=2)


def test_the_imported_package_is_the_one_in_this_repository() -> None:
    assert Path(trackers.__file__).resolve().parent == ROOT / "trackers"


def test_trackers_need_only_numpy_and_lap() -> None:
    """All trackers work when no other installed package can be imported."""
    code = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names | {"numpy", "lap", "trackers", "detector"}:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
from trackers import TRACKERS, make_tracker
print([make_tracker(n).update([[10, 10, 50, 90, 0.9]], 0.0).ids.tolist() for n in TRACKERS])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.strip() == str([[1]] * len(TRACKERS))
