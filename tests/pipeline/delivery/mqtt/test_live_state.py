"""What each camera shows now, and what was counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipeline.delivery.mqtt.live_state import CameraState, LiveState
from pipeline.delivery.transport import Camera
from pipeline.events.record import ClipState, EventKind, EventRecord, Phase
from tests.support.deliveries import an_event, validator

CAMERA = Camera("door", ("person",), ("yard",), ("gate",))


def live_state() -> LiveState:
    live = LiveState()
    live.cameras([CAMERA], [])
    return live


def shown(live: LiveState) -> CameraState:
    ((state,), _) = live.take_changed(everything=True)
    validator("state").validate(state.state)
    validator("counts").validate(state.counts)
    return state


def ended(record: EventRecord, **changes: Any) -> EventRecord:
    return replace(record, end=record.start, **changes)


def test_a_camera_without_events_shows_that_nothing_is_there() -> None:
    assert shown(live_state()).state == {
        "schema": 1,
        "connected": "ON",
        "motion": "OFF",
        "occupancy": {"person": "OFF"},
        "objects": {"person": 0},
        "zones": {"yard": {"person": 0}},
    }


def test_objects_are_there_from_their_start_to_their_end() -> None:
    live = live_state()
    first, second, car = an_event(), an_event(), an_event(class_name="car")
    for record in (first, second, car):
        live.observe(record, Phase.START)
    live.observe(replace(second, score=0.99), Phase.UPDATE)
    assert shown(live).state["objects"] == {"person": 2, "car": 1}
    assert shown(live).camera.classes == ("person", "car")
    live.observe(ended(first), Phase.END)
    live.observe(ended(car), Phase.END)
    assert shown(live).state["objects"] == {"person": 1, "car": 0}
    assert shown(live).state["occupancy"] == {"person": "ON", "car": "OFF"}
    live.observe(ended(second), Phase.END)
    live.observe(ended(second, clip_state=ClipState.READY), Phase.UPDATE)
    assert shown(live).state["motion"] == "OFF"


def test_a_camera_that_is_lost_is_not_connected_until_it_is_back() -> None:
    live = live_state()
    lost = an_event(kind=EventKind.CAMERA, class_name=None, cause="timed out")
    live.observe(lost, Phase.START)
    assert shown(live).state["connected"] == "OFF"
    assert shown(live).state["motion"] == "OFF"
    live.observe(ended(lost), Phase.END)
    assert shown(live).state["connected"] == "ON"


def test_crossings_entries_and_long_stays_are_counted_once_each() -> None:
    live = live_state()
    crossing = ended(an_event(kind=EventKind.LINE, place="gate", direction="left to right"))
    live.observe(crossing, Phase.END)
    live.observe(replace(crossing, clip_state=ClipState.READY), Phase.UPDATE)
    inside = an_event(kind=EventKind.ZONE, place="yard")
    for phase, record in (
        (Phase.START, inside),
        (Phase.UPDATE, inside),
        (Phase.END, ended(inside)),
        (Phase.UPDATE, ended(inside)),
    ):
        live.observe(record, phase)
    dwelling = an_event(kind=EventKind.DWELL, place="yard", class_name="car")
    live.observe(ended(dwelling), Phase.END)
    assert shown(live).counts == {
        "schema": 1,
        "lines": {"gate": {"left to right": {"person": 1}}},
        "zones": {"yard": {"entered": {"person": 1}, "dwelt": {"car": 1}}},
    }


def test_zones_tell_who_is_inside() -> None:
    live = live_state()
    live.observe(an_event(kind=EventKind.ZONE, place="yard"), Phase.START)
    assert shown(live).state["zones"] == {"yard": {"person": 1}}
    assert shown(live).state["objects"] == {"person": 0}


def test_only_what_has_changed_is_taken_and_a_camera_that_left_is_named_once() -> None:
    live = live_state()
    live.cameras([Camera("yard")], [])
    assert [each.camera.name for each in live.take_changed()[0]] == ["door", "yard"]
    assert live.take_changed() == ([], [])
    live.observe(an_event("yard"), Phase.START)
    assert [each.camera.name for each in live.take_changed()[0]] == ["yard"]
    live.cameras([], ["yard", "unknown"])
    assert live.take_changed() == ([], ["yard"])
    live.cameras([], ["door"])
    live.cameras([CAMERA], [])
    changed, removed = live.take_changed()
    assert ([each.camera.name for each in changed], removed) == (["door"], [])


def test_the_last_snapshot_stays_when_later_events_have_none() -> None:
    live = live_state()
    live.observe(an_event(snapshot="a.jpg"), Phase.START)
    live.observe(an_event(), Phase.START)
    assert shown(live).snapshot == "a.jpg"


def test_the_last_events_of_a_camera_that_was_removed_do_not_bring_it_back() -> None:
    live = live_state()
    record = an_event()
    live.observe(record, Phase.START)
    live.cameras([], ["door"])
    live.take_changed()
    live.observe(ended(record), Phase.END)
    assert live.take_changed(everything=True) == ([], [])
