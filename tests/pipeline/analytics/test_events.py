"""Lines and zones: which events are counted, and that JSON lines alone give the same counts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import UsageError
from pipeline.analysis import Analysis, Event, Point
from pipeline.analytics.board import AnalyticsBoard
from pipeline.analytics.config import AnalyticsConfig
from pipeline.analytics.crossings import LineCounter, ZoneCounter
from pipeline.analytics.events import Analytics, Watch
from pipeline.analytics.geometry import Line, Zone
from pipeline.analytics.recount import main, recount
from pipeline.config import load_config
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Tracked
from pipeline.frames.stream import Stream
from pipeline.sinks.jsonl import JsonLines
from pipeline.stages.analyse import Analyse
from pipeline.stages.annotate import Annotate
from trackers.tracks import Tracks, TrackState

NAMES = ("person", "bicycle", "car")
# it points downwards, so that its left side is the right side of the image
GATE = Line((100.0, 0.0), (100.0, 200.0))
YARD = Zone.of([(100, 100), (300, 100), (300, 300), (100, 300)])
MARGIN = 5.0
Positions = dict[int, Point]  # of each track


def tracks(seen: Positions, class_id: int = 0) -> Tracks:
    """Return confirmed tracks; the middle of the lower edge of each box is its position."""
    n = len(seen)
    boxes = [(x - 10, y - 50, x + 10, y) for x, y in seen.values()]
    return Tracks(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(n, 0.9, np.float32),
        np.full(n, class_id, np.int64),
        np.array(list(seen), np.int64),
        np.full(n, TrackState.CONFIRMED, np.int8),
    )


def events(
    frames: Iterable[Positions], *watches: Watch, forget_seconds: float = 5.0
) -> list[Event]:
    """Return all events of these frames, ten per second."""
    analytics = Analytics(watches, forget_seconds)
    return [
        event
        for k, seen in enumerate(frames)
        for event in analytics.update(tracks(seen), NAMES, k, k / 10).events
    ]


def gate(margin: float = MARGIN) -> LineCounter:
    return LineCounter("gate", GATE, margin)


def yard(margin: float = MARGIN, dwell_seconds: float | None = None) -> ZoneCounter:
    return ZoneCounter("yard", YARD, margin, dwell_seconds=dwell_seconds)


def walk(track: int, positions: Iterable[Point]) -> list[Positions]:
    return [{track: position} for position in positions]


def test_a_crossing_has_both_sides_and_the_time_when_it_was_settled() -> None:
    (event,) = events(walk(7, [(x, 50.0) for x in range(60, 140, 3)]), gate())
    assert (event.kind, event.shape, event.was, event.now) == ("cross", "gate", "right", "left")
    assert event.point.track == 7
    assert event.point.position == (108.0, 50.0)  # the first one more than 5 pixels beyond
    assert (event.point.pts, event.point.seconds) == (16, 1.6)


def test_there_and_back_are_two_crossings() -> None:
    path = [*range(60, 140, 7), *range(140, 60, -7)]
    found = events(walk(1, [(x, 50.0) for x in path]), gate())
    assert [event.counted_as for event in found] == ["right to left", "left to right"]


def test_a_track_without_identity_never_counts() -> None:
    assert not events(walk(-1, [(x, 150.0) for x in range(60, 200, 7)]), gate(), yard())


def test_unconfirmed_tracks_are_ignored() -> None:
    analytics = Analytics([gate(), yard()], 5.0)
    for k in range(40):
        one = tracks({3: (60.0 + 5 * k, 150.0)})
        one.states[:] = TrackState.LOST if k % 2 else TrackState.TENTATIVE
        assert not analytics.update(one, NAMES, k, k / 10).events


def placed(shape: str, **keys: object) -> Watch:
    """Return the counter of a line or zone of a configuration in a frame of 640 x 480."""
    config = AnalyticsConfig.model_validate({shape: [{"name": "it", **keys}]})
    make = config.watches("", NAMES)
    assert make
    (watch,) = make(640, 480)
    return watch


def test_feet_below_the_frame_cross_a_line_that_ends_at_its_edge() -> None:
    below = walk(1, [(x, 486.0) for x in range(250, 400, 9)])
    for end in (1.0, 0.99):
        assert len(events(below, placed("lines", start=[0.5, 0.2], end=[0.5, end]))) == 1
        assert len(events(below, placed("lines", start=[0.5, end], end=[0.5, 0.2]))) == 1
    assert not events(below, placed("lines", start=[0.5, 0.2], end=[0.5, 0.9]))


def test_a_line_along_the_frames_edge_is_no_longer_than_it_was_drawn() -> None:
    line = placed("lines", start=[0.3, 0.97], end=[0.7, 0.97], margin=0.0)
    beside = walk(1, [(600.0, float(y)) for y in range(440, 480, 3)])
    assert not events(beside, line)
    assert len(events(walk(2, [(300.0, float(y)) for y in range(440, 480, 3)]), line)) == 1


def test_feet_at_the_frames_edge_are_inside_of_a_zone_that_reaches_it() -> None:
    corners = [[0.2, 0.5], [0.6, 0.5], [0.6, 1.0], [0.2, 1.0]]
    path = [(float(x), 480.0 + x % 7) for x in range(60, 500, 9)]
    found = events(walk(1, path), placed("zones", polygon=corners))
    assert [event.kind for event in found] == ["enter", "leave"]
    assert [round(event.point.position[0] / 640, 1) for event in found] == [0.2, 0.6]


def test_a_zone_is_as_deep_as_its_edges_within_the_frame_are_far() -> None:
    corners: list[Point] = [(0.0, 100.0), (300.0, 100.0), (400.0, 480.0), (0.0, 480.0)]
    zone = Zone.inside(corners, (640, 480), 5.0)
    assert zone.depth((10.0, 470.0)) == pytest.approx(370.0)
    assert zone.depth((3.0, 300.0)) == pytest.approx(200.0)
    assert zone.depth((0.0, 90.0)) == pytest.approx(-10.0)
    steep = math.hypot(380, 100)
    assert zone.depth((350.0, 480.0)) == pytest.approx(50 * 380 / steep, abs=0.1)
    assert zone.depth((460.0, 470.0)) < 0


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(-4.9, 4.9), max_size=60), st.sampled_from([60.0, 140.0]))
def test_flicker_on_the_line_is_not_counted(jitter: list[float], begin: float) -> None:
    assert not events(walk(1, [(begin, 50.0), *((100 + j, 50.0) for j in jitter)]), gate())


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(-4.9, 4.9), min_size=1, max_size=60))
def test_a_track_that_first_appears_on_the_line_does_not_cross_it(
    jitter: list[float],
) -> None:
    assert not events(walk(1, [*((100 + j, 50.0) for j in jitter), (150.0, 50.0)]), gate())


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0, 0.9),
    st.floats(5, 60),
    st.sampled_from([1, -1]),
)
def test_a_crossing_is_counted_once_in_however_few_frames_it_is_seen(
    seed: int, missing: float, far: float, direction: int
) -> None:
    """A person with a jittering box, not seen in many frames, on the line or elsewhere."""
    random = np.random.default_rng(seed)
    x = 100 - direction * np.linspace(-far, far, 80)
    places = np.stack((x, 100 + np.linspace(-50, 50, 80)), axis=1) + random.uniform(-2, 2, (80, 2))
    places[[0, -1]] = [(100 + direction * (far + 3), 50), (100 - direction * (far + 3), 150)]
    shown = random.random(80) >= missing
    shown[[0, -1]] = True
    frames: list[Positions] = [
        {1: (float(px), float(py))} if seen else {}
        for (px, py), seen in zip(places, shown, strict=True)
    ]
    (event,) = events(frames, gate(), forget_seconds=60)
    assert (event.was, event.now) == (("left", "right") if direction > 0 else ("right", "left"))


def test_a_crossing_within_a_gap_is_counted_unless_the_gap_is_too_long() -> None:
    for absent, count in ((40, 1), (60, 0)):
        frames = [{1: (80.0, 50.0)}, *([{}] * absent), {1: (120.0, 50.0)}, {1: (130.0, 50.0)}]
        assert len(events(frames, gate())) == count


def test_going_around_the_end_is_not_a_crossing_but_changes_the_side() -> None:
    around = [(60.0, 150.0), (90.0, 230.0), (110.0, 230.0), (140.0, 150.0)]
    assert not events(walk(1, around), gate())
    back = [*around, (60.0, 150.0)]
    assert [event.counted_as for event in events(walk(1, back), gate())] == ["left to right"]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_crossings_of_a_long_line_are_the_changes_of_side_beyond_the_margin(seed: int) -> None:
    """The simple reference ignores positions within the margin and compares neighbours."""
    random = np.random.default_rng(seed)
    line = Line((100.0, -1e5), (100.0, 1e5))
    path = random.uniform(60, 140) + np.cumsum(random.normal(0, 8, 100))
    path = path.round() + 0.3  # never exactly at the margin
    found = events(walk(1, [(float(x), 50.0) for x in path]), LineCounter("line", line, MARGIN))
    sides = ["left" if x > 100 else "right" for x in path if abs(x - 100) > MARGIN]
    assert [(e.was, e.now) for e in found] == [(a, b) for a, b in pairwise(sides) if a != b]


def test_a_zone_is_entered_dwelt_in_and_left() -> None:
    places = [(60.0, 200.0), (120.0, 200.0), *([(200.0, 200.0)] * 30), (360.0, 200.0)]
    entered, dwelt, left = events(walk(4, places), yard(dwell_seconds=2.0))
    assert (entered.kind, entered.was, entered.now) == ("enter", "outside", "inside")
    assert dwelt.kind == "dwell"
    assert dwelt.dwell_seconds == pytest.approx(2.0)
    assert (left.kind, left.was, left.now) == ("leave", "inside", "outside")
    assert left.dwell_seconds == pytest.approx((32 - 1) / 10)


def test_a_track_that_appears_and_vanishes_in_a_zone_enters_and_leaves_it() -> None:
    frames: list[Positions] = [*walk(1, [(200.0, 200.0)] * 11), *([{}] * 60)]
    entered, left = events(frames, yard())
    assert (entered.was, entered.now) == (None, "inside")
    assert (left.was, left.now) == ("inside", None)
    assert left.point.seconds == 1.0 and left.point.pts == 10
    assert left.dwell_seconds == pytest.approx(1.0)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_occupancy_is_the_entries_minus_the_exits(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    places = np.cumsum(random.normal(0, 25, (120, count, 2)), axis=0) + 200
    there = random.random((120, count)) < 0.7
    analytics, inside, dwelt = Analytics([yard()], 1.0), set[int](), 0.0
    for k in range(120):
        seen = {i + 1: (float(x), float(y)) for i, (x, y) in enumerate(places[k]) if there[k, i]}
        analysis = analytics.update(tracks(seen), NAMES, k, k / 10)
        for event in analysis.events:
            (inside.add if event.kind == "enter" else inside.remove)(event.point.track)
            dwelt += event.dwell_seconds or 0.0
        assert analysis.occupancy == {"yard": len(inside)}
        entered, left = (
            sum(analysis.counts["yard"].get(what, {}).values()) for what in ("entered", "left")
        )
        assert entered - left == len(inside)
        for track, (x, y) in seen.items():  # a track clearly inside or outside has that state
            depth = 100 - max(abs(x - 200), abs(y - 200))
            if abs(depth) > MARGIN + 0.02 and not (depth < 0):
                assert track in inside
            elif depth < -MARGIN * math.sqrt(2) - 0.02:
                assert track not in inside
    assert dwelt <= 12 * count


def test_only_the_configured_classes_are_counted_each_by_its_name() -> None:
    gates = [LineCounter("all", GATE, MARGIN), LineCounter("cars", GATE, MARGIN, classes=("car",))]
    analytics = Analytics(gates, 5.0)
    for k, x in enumerate(range(60, 140, 7)):
        for class_id in range(3):
            one = tracks({class_id + 1: (float(x), 50.0)}, class_id)
            analysis = analytics.update(one, NAMES, k, k / 10)
    assert analysis.counts == {
        "all": {"right to left": {"person": 1, "bicycle": 1, "car": 1}},
        "cars": {"right to left": {"car": 1}},
    }


# JSON lines


def frame(index: int, size: tuple[int, int] = (400, 400)) -> Frame:
    stream = Stream("cam", "cam", Fraction(1, 10))
    bgr = np.full((size[1], size[0], 3), 90, np.uint8)
    return Frame(stream, index, 1000 + index, index, Fraction(1, 10), 0.0, Picture.of(bgr))


CONFIG = AnalyticsConfig.model_validate(
    {
        "lines": [{"name": "gate", "start": [0.25, 0], "end": [0.25, 1], "margin": 0.01}],
        "zones": [
            {
                "name": "yard",
                "polygon": [[100, 100], [300, 100], [300, 300], [100, 300]],
                "units": "pixels",
                "dwell_seconds": 1.5,
            }
        ],
        "forget_seconds": 2.0,
    }
)


def analysed(seed: int, count: int = 8, frames: int = 150) -> list[Tracked]:
    """Return frames of people who walk at random and are detected in most frames."""
    random = np.random.default_rng(seed)
    places = np.cumsum(random.normal(0, 12, (frames, count, 2)), axis=0) + 200
    stage = Analyse(AnalyticsBoard(CONFIG, NAMES), "cam", NAMES)
    found: list[Tracked] = []
    for k in range(frames):
        seen = {i + 1: (float(x), float(y)) for i, (x, y) in enumerate(places[k])}
        seen = {i: place for i, place in seen.items() if random.random() < 0.8}
        found += stage.process(Tracked(frame(k), tracks(seen)))
    return found


def test_counts_and_events_can_be_computed_again_from_json_lines(tmp_path: Path) -> None:
    """The counts from the events, and the events from the boxes."""
    items = analysed(1)
    sink = JsonLines(tmp_path / "out.jsonl", NAMES)
    lines = [sink.text(item) for item in items]
    counts, stated = recount(lines)
    last = items[-1].analysis
    assert last and counts == stated == last.counts
    assert counts["gate"]["left to right"]["person"] > 3
    assert set(counts["yard"]) == {"entered", "left", "dwelt"}
    watches = CONFIG.watches("cam", NAMES)
    assert watches
    again = Analytics(watches(400, 400), CONFIG.forget_seconds)
    for line in map(json.loads, lines):
        found = again.update(from_json(line["tracks"]), NAMES, line["pts"], line["seconds"])
        assert [event.as_json() for event in found.events] == line["events"]
        assert found.occupancy == line["occupancy"]


def from_json(objects: Sequence[dict[str, Any]]) -> Tracks:
    n = len(objects)
    return Tracks(
        np.array([o["box"] for o in objects], np.float32).reshape(-1, 4),
        np.array([o["score"] for o in objects], np.float32),
        np.array([o["class_id"] for o in objects], np.int64),
        np.array([o["id"] for o in objects], np.int64),
        np.full(n, TrackState.CONFIRMED, np.int8),
    )


def test_every_event_has_its_track_its_time_and_both_states(tmp_path: Path) -> None:
    sink = JsonLines(tmp_path / "out.jsonl", NAMES)
    found = [e for item in analysed(2) for e in json.loads(sink.text(item))["events"]]
    assert len(found) > 20
    for event in found:
        assert set(event) - {"dwell_seconds"} == {
            *("kind", "shape", "counted_as", "track", "class", "pts", "seconds", "was", "now"),
        }
        assert event["pts"] == 1000 + round(event["seconds"] * 10)
        assert ("dwell_seconds" in event) == (event["kind"] in {"leave", "dwell"})


def test_the_command_checks_the_counts_that_a_file_states(tmp_path: Path) -> None:
    sink, path = JsonLines(tmp_path / "out.jsonl", NAMES), tmp_path / "out.jsonl"
    lines = [sink.text(item) for item in analysed(3)]
    path.write_text("".join(lines))
    done = CliRunner().invoke(main, [str(path)])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads(lines[-1])["counts"]
    path.write_text("".join(line for line in lines if '"events":[]' in line or line == lines[-1]))
    assert CliRunner().invoke(main, [str(path)]).exit_code == 1
    path.write_text('{"stream":"cam"}\n')
    done = CliRunner().invoke(main, [str(path)])
    assert (done.exit_code, "line 1 has no events" in done.stderr) == (2, True)


def test_counts_continue_when_the_frame_size_changes() -> None:
    stage = Analyse(AnalyticsBoard(CONFIG, NAMES), "cam", NAMES)
    last: Analysis | None = None
    for size in ((400, 400), (800, 400)):
        gate_at = size[0] / 4
        for k, x in enumerate((gate_at - 50, gate_at + 50)):
            (item,) = stage.process(Tracked(frame(k, size), tracks({1: (x, 50.0)})))
            last = item.analysis
    assert last and last.counts["gate"] == {"right to left": {"person": 2}}


# drawing


def test_lines_and_zones_are_drawn_with_their_counts() -> None:
    item = analysed(4)[-1]
    assert item.analysis
    (plain,) = Annotate(NAMES).process(Tracked(item.frame, item.tracks))
    (drawn,) = Annotate(NAMES).process(item)
    assert plain.drawn is not None and drawn.drawn is not None
    changed = plain.drawn.luma != drawn.drawn.luma
    assert changed[5:95, 97:104].any(axis=1).all()  # the gate, above the yard
    assert changed[297:304, 110:295].any(axis=0).all()  # the lower edge of the yard
    assert not changed[320:, 120:280].any()
    texts = [figure.text for figure in item.analysis.figures]
    to_right = item.analysis.counts["gate"]["left to right"]["person"]
    assert texts[0].startswith(f"gate: {to_right} to the right, ")
    assert texts[1] == f"yard: {item.analysis.occupancy['yard']} inside"


def test_lines_are_drawn_on_frames_without_tracks_too() -> None:
    item = next(i for i in analysed(5, count=1) if not len(i.tracks))
    (drawn,) = Annotate(NAMES).process(item)
    assert drawn.drawn is not None
    assert (drawn.drawn.luma != item.frame.picture.planes.luma).any()


# configuration


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("[{name: a, start: [0, 0], end: [0, 0]}]", "start and end are equal"),
        ("[{name: a, start: [10, 0], end: [0, 9]}]", "say `units: pixels` for pixels"),
        ("[{name: a, start: [0, 0], end: [1, 1], classes: [persn]}]", "did you mean 'person'"),
        (
            "[{name: a, start: [0, 0], end: [1, 1]}, {name: a, start: [0, 1], end: [1, 0]}]",
            "'a' is given twice",
        ),
    ],
)
def test_a_line_or_zone_that_could_never_cause_an_event_is_refused(
    tmp_path: Path, lines: str, message: str
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(f"analytics:\n  lines: {lines}\n")
    with pytest.raises(UsageError, match=message):
        load_config(path, []).analytics.watches("cam", NAMES)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("lines: [{name: a, start: [0, 0]}]", r"analytics\.lines\.0\.end: missing"),
        ("zone: []", r"analytics\.zone: unknown key; did you mean 'zones'"),
        ("zones: [{name: a, polygon: [[0, 0], [1, 1]]}]", r"zones\.0\.polygon: .*at least 3"),
        ("lines: [{name: a, strt: [0, 0], end: [1, 1]}]", r"lines\.0\.strt: unknown key.*'start'"),
    ],
)
def test_a_mistake_in_the_yaml_is_named_with_its_key(
    tmp_path: Path, section: str, message: str
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(f"analytics:\n  {section}\n")
    with pytest.raises(UsageError, match=message):
        load_config(path, [])


def test_lines_and_zones_apply_to_the_streams_they_name() -> None:
    one = {"name": "a", "start": [0, 0], "end": [1, 1], "streams": ["north"]}
    config = AnalyticsConfig.model_validate({"lines": [one]})
    assert config.watches("south", NAMES) is None
    watches = config.watches("north", NAMES)
    assert watches and [watch.name for watch in watches(10, 10)] == ["a"]
