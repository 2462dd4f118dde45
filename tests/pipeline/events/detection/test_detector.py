"""Which events are found in tracked frames, when they begin and end, and what is not noted."""

from __future__ import annotations

import tracemalloc
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.analytics.crossings import LineCounter, ZoneCounter
from pipeline.analytics.geometry import Line, Zone
from pipeline.events.config import EventFilters
from pipeline.events.detection.detector import END_OF_STREAM, INTERRUPTION, EventDetector
from pipeline.events.log import Change
from pipeline.events.record import EventKind, EventRecord, Phase
from pipeline.frames.decision import Decision, Reason
from tests.support.event_frames import (
    NAMES,
    TIME_BASE,
    WALL,
    Seen,
    analysed,
    changes,
    ended,
    tracked,
    walk,
)
from trackers.tracks import TrackState

OBJECT, ZONE, LINE, DWELL = EventKind.OBJECT, EventKind.ZONE, EventKind.LINE, EventKind.DWELL
YARD = Zone.of([(100, 100), (300, 100), (300, 300), (100, 300)])
GATE = Line((200.0, 0.0), (200.0, 300.0))  # downwards: its left side is the right of the image


def yard(dwell_seconds: float | None = None) -> ZoneCounter:
    return ZoneCounter("yard", YARD, 5.0, dwell_seconds=dwell_seconds)


def gate() -> LineCounter:
    return LineCounter("gate", GATE, 5.0)


def span(record: EventRecord) -> tuple[float, float]:
    """Return start and end in seconds, to the millisecond."""
    assert record.end
    return round(record.start.seconds, 3), round(record.end.seconds, 3)


def crossing(track: int = 1, begin: float = 0.0, score: float = 0.9) -> list[tuple[float, Seen]]:
    """Return the times and places of a walk from x=20 to x=380 within 3.6 seconds."""
    return [(begin + k / 10, Seen(x=20 + 10.0 * k, y=200, score=score)) for k in range(37)]


def frames_of(*steps: tuple[float, Seen], track: int = 1) -> list:  # type: ignore[type-arg]
    return [tracked(seconds, {track: seen}) for seconds, seen in steps]


def test_an_object_is_an_event_from_its_first_to_its_last_observation() -> None:
    found = changes(walk((7, 0.3, 4.0, Seen()), (8, 0.0, 9.0, Seen(x=50, class_id=2))))
    first, second = ended(found)
    assert (first.track, first.class_name, span(first)) == (7, "person", (0.3, 4.0))
    assert (second.track, second.class_name, span(second)) == (8, "car", (0.0, 9.0))
    assert (first.ended_by, second.ended_by) == (None, END_OF_STREAM)
    assert first.end and first.start.pts == 27_000 and first.end.pts == 360_000
    assert first.time_base == "1/90000"
    assert first.start.wall == pytest.approx(WALL + 0.3)


def test_an_object_is_noted_after_min_seconds_although_it_starts_at_its_first_observation() -> None:
    detector = EventDetector("cam", NAMES, EventFilters(min_seconds=1.0))
    for item in walk((1, 0.0, 0.9, Seen())):
        assert not detector.update(item, WALL).changes
    (change,) = detector.update(tracked(1.0, {1: Seen()}), WALL + 1).changes
    assert (change.phase, change.record.start.seconds) == (Phase.START, 0.0)


def test_an_object_that_was_seen_too_briefly_or_not_clearly_enough_is_no_event() -> None:
    assert not changes(walk((1, 0.0, 0.9, Seen())))
    assert not changes(walk((1, 0.0, 9.0, Seen(score=0.49))))
    assert ended(changes(walk((1, 0.0, 9.0, Seen(score=0.51)))))


def test_one_good_frame_is_enough_for_min_score() -> None:
    frames = walk((1, 0.0, 5.0, Seen(score=0.3)))
    frames[30] = tracked(3.0, {1: Seen(score=0.8)})
    (event,) = ended(changes(frames))
    assert event.score == pytest.approx(0.8)
    assert span(event) == (0.0, 5.0)


def test_an_object_has_left_when_it_is_unseen_for_longer_than_forget_seconds() -> None:
    detector = EventDetector("cam", NAMES, EventFilters(forget_seconds=2.0))
    for item in walk((1, 0.0, 3.0, Seen())):
        detector.update(item, WALL)
    assert not detector.update(tracked(5.0, {}), WALL).changes
    (change,) = detector.update(tracked(5.1, {}), WALL).changes
    assert (change.phase, span(change.record)) == (Phase.END, (0.0, 3.0))
    assert len(detector) == 0


@pytest.mark.parametrize(("away", "spans"), [(1.9, [(0, 9)]), (2.1, [(0, 3), (5.1, 9)])])
def test_an_object_that_comes_back_within_forget_seconds_continues_its_event(
    away: float, spans: Sequence[tuple[float, float]]
) -> None:
    frames = walk((1, 0.0, 9.0, Seen()))
    frames = [f for f in frames if not 3.05 < float(f.frame.time) < 3.0 + away - 0.05]
    assert [span(event) for event in ended(changes(frames))] == spans


def test_predictions_of_a_lost_track_are_no_observations() -> None:
    frames = walk((1, 0.0, 3.0, Seen()), (2, 0.0, 9.0, Seen(x=60)))
    frames += [
        tracked(3.1 + k / 10, {1: Seen(state=TrackState.LOST), 2: Seen(x=60)}) for k in range(60)
    ]
    frames = sorted(frames, key=lambda item: item.frame.time)
    assert span(ended(changes(frames))[0]) == (0.0, 3.0)


def test_tracks_without_identity_are_no_objects() -> None:
    assert not changes(walk((-1, 0.0, 9.0, Seen())))


def test_only_wanted_classes_are_noted_by_the_majority_of_their_scores() -> None:
    frames = [
        tracked(k / 10, {1: Seen(class_id=0, score=0.9) if k % 3 else Seen(class_id=2)})
        for k in range(50)
    ]
    (event,) = ended(changes(frames))
    assert event.class_name == "person"
    assert ended(changes(frames, classes=["person"]))
    assert not changes(frames, classes=["car"])


def test_scores_weigh_the_votes_for_a_class() -> None:
    frames = [
        tracked(k / 10, {1: Seen(score=0.9) if k % 3 == 0 else Seen(class_id=2, score=0.3)})
        for k in range(60)
    ]
    (event,) = ended(changes(frames))
    assert event.class_name == "person"  # 20 x 0.9 against 40 x 0.3


def test_the_best_frame_is_large_clear_and_not_cut_off() -> None:
    small, large = Seen(size=(20, 40)), Seen(size=(60, 120))
    cut_off = Seen(x=20, size=(40, 120))
    frames = [tracked(k / 10, {1: small}) for k in range(20)]
    frames += [tracked(2.0, {1: large}), tracked(2.1, {1: cut_off}), tracked(2.2, {1: small})]
    (event,) = ended(changes(frames))
    assert event.box == (170.0, 30.0, 230.0, 150.0)


def test_a_frame_that_is_hardly_better_is_not_taken() -> None:
    detector = EventDetector("cam", NAMES, EventFilters())
    taken = [
        bool(detector.update(tracked(k / 10, {1: Seen(score=0.6 + k / 100)}), WALL).pictured)
        for k in range(20)
    ]
    assert [k for k, each in enumerate(taken) if each] == [0, 7, 14]  # 10 % better each time


def test_a_visit_to_a_zone_lasts_from_entry_to_exit() -> None:
    frames = analysed(frames_of(*crossing()), yard())
    (visit,) = ended(changes(frames), ZONE)
    # the margin is 5: inside from x 110 (100 + 10 k > 105), outside from x 310
    assert (visit.place, visit.track, span(visit)) == ("yard", 1, (0.9, 2.9))
    assert visit.ended_by is None


def test_a_visit_of_a_track_that_vanishes_ends_with_its_last_observation() -> None:
    frames = walk((1, 0.0, 3.0, Seen(y=200)), (2, 0.0, 12.0, Seen(x=20)))
    visits = ended(changes(analysed(frames, yard())), ZONE)
    assert [(visit.track, span(visit), visit.ended_by) for visit in visits] == [
        (1, (0.0, 3.0), None)
    ]


def test_a_track_that_analytics_keeps_inside_goes_on_with_its_visit_when_it_is_back() -> None:
    frames = walk((1, 0.0, 12.0, Seen(y=200)))
    frames = [f for f in frames if not 3.05 < float(f.frame.time) < 6.95]  # 4 s: 2 < 4 < 5
    found = changes(analysed(frames, yard()))
    assert [span(event) for event in ended(found, OBJECT)] == [(0.0, 3.0), (7.0, 12.0)]
    assert [span(event) for event in ended(found, ZONE)] == [(0.0, 12.0)]


def test_visits_end_when_zones_are_replaced_whether_or_not_their_tracks_are_there() -> None:
    frames = walk((1, 0.0, 3.0, Seen(y=200)), (2, 0.0, 9.0, Seen(x=150, y=200)))
    before = analysed([f for f in frames if f.frame.time < 6], yard())
    after = analysed([f for f in frames if f.frame.time >= 6], yard())
    after = [replace(f, analysis=replace(f.analysis, generation=2)) for f in after if f.analysis]
    visits = ended(changes([*before, *after]), ZONE)
    assert [(visit.track, span(visit), visit.ended_by) for visit in visits] == [
        (1, (0.0, 3.0), INTERRUPTION),
        (2, (0.0, 5.9), INTERRUPTION),
        (2, (6.0, 9.0), END_OF_STREAM),
    ]
    without = [replace(f, analysis=None) for f in after]
    assert len(ended(changes([*before, *without]), ZONE)) == 2


def test_a_crossing_is_one_change_with_direction_and_the_moment_of_its_frame() -> None:
    found = changes(analysed(frames_of(*crossing()), gate()))
    ((record, phase),) = [change for change in found if change.record.kind is LINE]
    assert phase is Phase.END
    assert (record.place, record.direction, record.class_name) == (
        "gate",
        "right to left",
        "person",
    )
    assert span(record) == (1.9, 1.9)
    assert record.start.pts == round(1.9 / TIME_BASE)
    assert record.box == (190.0, 120.0, 230.0, 200.0)


def test_a_crossing_before_the_object_is_noted_is_handed_on_when_it_is() -> None:
    frames = analysed(frames_of(*crossing()), gate())
    found = changes(frames, min_seconds=3.0)
    assert [(c.record.kind, c.phase) for c in found][:2] == [
        (OBJECT, Phase.START),
        (LINE, Phase.END),
    ]
    assert span(found[1].record) == (1.9, 1.9)
    assert not changes(frames, min_seconds=4.0)
    assert not changes(analysed(frames_of(*crossing(score=0.4)), gate()))


def test_a_long_stay_begins_with_the_entry_and_is_noted_at_dwell_seconds() -> None:
    frames = analysed(walk((1, 0.0, 20.0, Seen(y=200))), yard(dwell_seconds=10.0))
    found = [change for change in changes(frames) if change.record.kind is DWELL]
    (start, phase), *_, (end, last) = found
    assert (phase, start.start.seconds, start.last and start.last.seconds) == (
        Phase.START,
        0.0,
        10.0,
    )
    assert (last, span(end), end.place) == (Phase.END, (0.0, 20.0), "yard")


def test_kinds_say_which_events_are_noted() -> None:
    frames = analysed(frames_of(*crossing()), gate(), yard(dwell_seconds=1.0))
    every = {change.record.kind for change in changes(frames)}
    assert every == {OBJECT, LINE, ZONE, DWELL}
    for kind in every:
        assert {change.record.kind for change in changes(frames, kinds=[kind])} == {kind}


def test_zones_leave_only_objects_that_have_been_in_one_and_visits_to_these() -> None:
    inside, passing = crossing(), [(t, Seen(x=s.x, y=80)) for t, s in crossing()]
    both = [tracked(t, {1: s, 2: p}) for (t, s), (_, p) in zip(inside, passing, strict=True)]
    street = ZoneCounter("street", Zone.of([(150, 10), (350, 10), (350, 95), (150, 95)]), 5.0)
    frames = analysed(both, gate(), yard(), street)
    found = ended(changes(frames, zones=["yard"]))
    assert {record.track for record in found} == {1}
    assert {record.kind for record in found} == {OBJECT, LINE, ZONE}
    assert {record.place for record in found} == {None, "gate", "yard"}
    assert {record.track for record in ended(changes(frames))} == {1, 2}


def test_in_a_cool_down_no_second_event_of_a_kind_class_and_place_begins() -> None:
    people = [(k, 3.0 * k, 3.0 * k + 2, Seen(x=50)) for k in range(1, 10)]
    car = (20, 4.0, 6.0, Seen(class_id=2))
    found = ended(changes(walk(*people, car), cool_down_seconds=10))
    begun = [(record.track, round(record.start.seconds, 3)) for record in found]
    assert begun == [(1, 3.0), (20, 4.0), (5, 15.0), (9, 27.0)]


def test_what_begins_in_quiet_hours_is_not_noted(local_time: None) -> None:
    def begun(wall: float) -> int:
        detector = EventDetector(
            "cam", NAMES, EventFilters.model_validate({"quiet_hours": ["22:00-06:00"]})
        )
        for item in walk((1, 0.0, 3.0, Seen())):
            detector.update(item, wall + float(item.frame.time))
        return len(detector.finish().changes)

    midnight = 1_779_926_400 - 2 * 3600  # 2026-05-28T00:00 in Berlin, which is UTC+2
    assert begun(midnight) == 0
    assert begun(midnight + 6 * 3600 - 2) == 0  # it begins before 06:00
    assert begun(midnight + 6 * 3600) == 1
    assert begun(midnight - 2 * 3600 - 2) == 1  # at 21:59:58, although it ends after 22:00


def test_a_new_scene_ends_all_events() -> None:
    frames = analysed(walk((1, 0.0, 3.0, Seen(y=200))), yard())
    later = [tracked(3.5 + k / 10, {2: Seen(y=200)}, scene=1) for k in range(30)]
    found = ended(changes([*frames, *later]))
    assert [(r.kind, r.track, span(r), r.ended_by) for r in found] == [
        (OBJECT, 1, (0.0, 3.0), INTERRUPTION),
        (ZONE, 1, (0.0, 3.0), INTERRUPTION),
        (OBJECT, 2, (3.5, 6.4), END_OF_STREAM),
    ]


def test_updates_tell_of_a_better_frame_and_of_a_longer_stay_but_not_often() -> None:
    growing = [tracked(k / 10, {1: Seen(score=min(0.5 + k / 100, 0.99))}) for k in range(6000)]
    updates = [c.record for c in changes(growing) if c.phase is Phase.UPDATE]
    told = [0.0, *(record.last.seconds for record in updates if record.last)]
    assert min(later - before for before, later in pairwise(told[1:])) >= 5
    assert max(later - before for before, later in pairwise(told)) <= 60.1
    assert len(updates) < 20


@pytest.mark.parametrize("keep_every", [1, 2, 5])
@pytest.mark.parametrize("frame_rate", [5, 10, 25])
def test_frame_rate_and_dropped_frames_make_no_difference(frame_rate: int, keep_every: int) -> None:
    step = 1 / frame_rate
    frames = walk((1, 1.0, 7.0, Seen(y=200)), (2, 3.0, 20.0, Seen(x=30)), step=step)
    kept = analysed(frames[::keep_every], yard(dwell_seconds=3.0))
    found = {(r.kind, r.track): span(r) for r in ended(changes(kept))}
    truth = {(OBJECT, 1): (1, 7), (OBJECT, 2): (3, 20), (ZONE, 1): (1, 7), (DWELL, 1): (1, 7)}
    assert found.keys() == truth.keys()
    for key, (start, end) in truth.items():
        assert 0 <= found[key][0] - start <= keep_every * step
        assert -keep_every * step <= found[key][1] - end <= 0


def test_thousands_of_tracks_are_forgotten() -> None:
    detector = EventDetector("cam", NAMES, EventFilters())
    line, zone = gate(), yard()

    def frame(k: int) -> object:
        return tracked(k / 10, {10 * k + j: Seen(x=30.0 * j, y=200) for j in range(1, 10)})

    frames = analysed([frame(k) for k in range(600)], line, zone)  # type: ignore[misc]
    for item in frames[:200]:
        detector.update(item, WALL)
    tracemalloc.start()
    for item in frames[200:]:
        detector.update(item, WALL)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(detector) <= 9 * 51  # analytics has those of 5 s inside
    assert grown < 2_000_000


_SEEN = st.builds(
    Seen,
    x=st.floats(0, 400, width=32),
    y=st.floats(0, 300, width=32),
    score=st.floats(0, 1, width=32),
    class_id=st.integers(0, 2),
    state=st.sampled_from(TrackState),
    size=st.just((40.0, 80.0)),
)
_FRAMES = st.lists(
    st.tuples(
        st.floats(2**-6, 4.0, width=32),
        st.dictionaries(st.integers(1, 4), _SEEN, max_size=4),
        st.booleans(),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(
    _FRAMES,
    st.sampled_from([0.0, 0.5, 2.0]),
    st.sampled_from([0.0, 3.0]),
    st.sampled_from([None, ["yard"]]),
    st.lists(st.floats(-100, 100, width=32), min_size=40, max_size=40),
)
def test_phases_and_times_of_any_events_are_in_order(
    steps: list[tuple[float, dict[int, Seen], bool]],
    min_seconds: float,
    cool_down: float,
    zones: list[str] | None,
    clock_errors: list[float],
) -> None:
    seconds, scene, frames = 0.0, 0, []
    for step, seen, cut in steps:
        seconds, scene = seconds + step, scene + cut
        frames.append(tracked(seconds, seen, scene=scene))
    detector = EventDetector(
        "cam",
        NAMES,
        EventFilters.model_validate(
            {
                "min_seconds": min_seconds,
                "cool_down_seconds": cool_down,
                "min_score": 0.2,
                "zones": zones,
            }
        ),
    )
    found: list[Change] = []
    known: set[str] = set()  # events with a picture that are not over
    for item, error in zip(analysed(frames, gate(), yard(1.0)), clock_errors, strict=False):
        now = detector.update(item, WALL + float(item.frame.time) + error)
        found += now.changes
        known |= now.pictured
        known -= set(now.ended)
    last = detector.finish()
    found += last.changes
    assert known <= set(last.ended)
    assert len(detector) == 0
    check_order(found)


def check_order(found: Sequence[Change]) -> None:
    """Assert what holds for the changes of any events."""
    phases: dict[str, list[Phase]] = defaultdict(list)
    for record, phase in found:
        phases[record.uuid].append(phase)
        assert (record.end is not None) == (phase is Phase.END)
        for moment in (record.last, record.end):
            assert moment is None or (
                moment.seconds >= record.start.seconds and moment.wall >= record.start.wall
            )
    kinds = {record.uuid: record.kind for record, _ in found}
    for uuid, of_event in phases.items():
        first = [] if kinds[uuid] is LINE else [Phase.START]
        updates = [Phase.UPDATE] * (len(of_event) - len(first) - 1)
        assert of_event == [*first, *updates, Phase.END]


def test_predicted_positions_neither_begin_nor_prolong_an_event() -> None:
    rest = Decision(Reason.QUIET)
    frames = [tracked(k / 10, {1: Seen(100 + 2 * k)}) for k in range(30)]
    resting = [replace(each, frame=replace(each.frame, decision=rest)) for each in frames]
    assert changes(resting) == []
    begun, *_, last = changes([*resting[:5], *frames[5:20], *resting[20:25]])
    assert begun.record.start.seconds == 0.5
    assert last.record.last and last.record.last.seconds == 1.9
