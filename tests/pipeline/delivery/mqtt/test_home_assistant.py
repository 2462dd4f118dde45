"""Descriptions for Home Assistant: their schema, and their templates rendered by Jinja."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline.delivery.message import message_of
from pipeline.delivery.mqtt.home_assistant import device, discovery_topic
from pipeline.delivery.mqtt.live_state import LiveState
from pipeline.delivery.mqtt.topics import Topics
from pipeline.delivery.transport import Camera
from pipeline.events.payload import as_text, event_json
from pipeline.events.record import ClipState, EventKind, EventRecord, Phase
from pipeline.store.outbox import OutboxRow
from tests.support.deliveries import a_row, an_event, validator

TOPICS = Topics("framelane")
CAMERA = Camera("door", ("person", "car"), ("yard",), ("gate",))
AWKWARD = Camera(
    "Höfe-1", ("it's", 'a "quoted" %} class', "{{ 1 }}"), ("Zone 1\\",), ("l'entrée", "a/b")
)


def render(template: str, value: Any) -> str:
    """Render a template as Home Assistant does for a message of JSON."""
    environment = ImmutableSandboxedEnvironment()
    return environment.from_string(template).render(value_json=value, value=json.dumps(value))


def components(camera: Camera) -> dict[str, dict[str, Any]]:
    described: dict[str, dict[str, Any]] = device(TOPICS, camera)["cmps"]
    return described


def named(camera: Camera, name: str) -> dict[str, Any]:
    (found,) = [each for each in components(camera).values() if each["name"] == name]
    return found


def states(camera: Camera, *changes: tuple[EventRecord, Phase]) -> tuple[Any, Any]:
    """Return the state and the counts that a camera publishes after changes."""
    live = LiveState()
    live.cameras([camera], [])
    for record, phase in changes:
        live.observe(record, phase)
    ((shown,), _) = live.take_changed()
    return shown.state, shown.counts


def crossing(line: str, direction: str = "left to right", **changes: Any) -> EventRecord:
    start = an_event().start
    fields: dict[str, Any] = {
        "kind": EventKind.LINE,
        "place": line,
        "direction": direction,
        "end": start,
    }
    return an_event(**fields | changes)


@pytest.mark.parametrize("camera", [Camera("door"), CAMERA, AWKWARD])
@pytest.mark.parametrize("prefix", ["framelane", "site/höfe 1"])
def test_a_description_is_as_its_schema_says_and_all_ids_differ(
    camera: Camera, prefix: str
) -> None:
    described = device(Topics(prefix), camera)
    validator("home_assistant").validate(described)
    json.dumps(described)
    ids = [each["unique_id"] for each in described["cmps"].values()]
    assert len(set(ids)) == len(ids)
    topic = discovery_topic("homeassistant", Topics(prefix), camera.name)
    assert topic == f"homeassistant/device/{described['dev']['ids']}/config"


def test_a_camera_has_the_entities_that_its_classes_zones_and_lines_ask_for() -> None:
    found = {(each["p"], each["name"]) for each in components(CAMERA).values()}
    assert found == {
        ("binary_sensor", "Motion"),
        ("binary_sensor", "Connected"),
        ("image", "Last snapshot"),
        ("binary_sensor", "person present"),
        ("binary_sensor", "car present"),
        ("sensor", "person count"),
        ("sensor", "car count"),
        ("sensor", "In yard"),
        ("event", "gate crossed"),
        ("sensor", "gate left to right"),
        ("sensor", "gate right to left"),
    }


@pytest.mark.parametrize("camera", [CAMERA, AWKWARD])
def test_the_templates_show_the_published_state(camera: Camera) -> None:
    kind, zone = camera.classes[0], camera.zones[0]
    there = an_event(class_name=kind, stream=camera.name)
    inside = an_event(class_name=kind, stream=camera.name, kind=EventKind.ZONE, place=zone)
    empty, _ = states(camera)
    full, _ = states(camera, (there, Phase.START), (inside, Phase.START))
    expected = {
        "Motion": ("OFF", "ON"),
        "Connected": ("ON", "ON"),
        f"{kind} present": ("OFF", "ON"),
        f"{camera.classes[1]} present": ("OFF", "OFF"),
        f"{kind} count": ("0", "1"),
        f"In {zone}": ("0", "1"),
    }
    for name, values in expected.items():
        template = named(camera, name)["value_template"]
        assert (render(template, empty), render(template, full)) == values, name


@pytest.mark.parametrize("camera", [CAMERA, AWKWARD])
def test_the_templates_show_the_published_counts(camera: Camera) -> None:
    line = camera.lines[0]
    changes = [
        (crossing(line, stream=camera.name, class_name=name), Phase.END)
        for name in ("person", "car", "car")
    ]
    _, none = states(camera)
    _, counts = states(camera, *changes)
    there, back = (named(camera, f"{line} {way}") for way in ("left to right", "right to left"))
    assert render(there["value_template"], none) == "0"
    assert render(there["value_template"], counts) == "3"
    assert render(back["value_template"], counts) == "0"


@pytest.mark.parametrize("camera", [CAMERA, AWKWARD])
def test_a_crossing_is_one_event_of_its_line_and_other_messages_are_none(camera: Camera) -> None:
    line = camera.lines[0]
    template = named(camera, f"{line} crossed")["value_template"]
    record = crossing(line, stream=camera.name, clip_state=ClipState.READY)

    def rendered(record: EventRecord, phase: Phase) -> str:
        row = OutboxRow(1, record.stream, record.uuid, phase, as_text(event_json(record)), 0.0)
        return render(template, json.loads(message_of(row).body))

    event = json.loads(rendered(record, Phase.END))
    assert event == {"event_type": "left to right", "class": "person", "id": record.uuid}
    assert event["event_type"] in named(camera, f"{line} crossed")["event_types"]
    assert rendered(record, Phase.UPDATE) == ""  # its clip is ready
    assert rendered(crossing("another", stream=camera.name), Phase.END) == ""
    assert rendered(an_event(end=record.end), Phase.END) == ""
    assert render(template, json.loads(message_of(a_row(1)).body)) == ""
