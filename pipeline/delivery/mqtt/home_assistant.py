"""Home Assistant's discovery of devices over MQTT: one message that describes a whole camera."""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pipeline.delivery.mqtt.topics import Topics, identifier
from pipeline.delivery.transport import Camera

STATUS = "status"  # below the prefix of discovery: Home Assistant says that it has started
DIRECTIONS = ("left to right", "right to left")  # of crossings


def discovery_topic(prefix: str, topics: Topics, camera: str) -> str:
    """Return the topic of a camera's description; an empty message there removes the camera."""
    return f"{prefix}/device/{_device(topics, camera)}/config"


def device(topics: Topics, camera: Camera) -> dict[str, Any]:
    """Return the description of a camera, see `schemas/home_assistant.json`."""
    name = _device(topics, camera.name)
    components = {
        "motion": _binary("Motion", "motion", "value_json.motion"),
        "connected": _binary("Connected", "connectivity", "value_json.connected"),
        "snapshot": {
            "p": "image",
            "name": "Last snapshot",
            "image_topic": topics.snapshot(camera.name),
            "content_type": "image/jpeg",
        },
    }
    for each in camera.classes:
        components |= _of_class(each)
    for zone in camera.zones:
        components[identifier("in", zone)] = _sensor(
            f"In {zone}", f"value_json.zones.get({_text(zone)}, {{}}).values() | sum"
        )
    for line in camera.lines:
        components |= _of_line(topics, camera.name, line)
    for key, component in components.items():
        component["unique_id"] = f"{name}_{key}"
        entity = re.sub(r"\W", "_", f"{name}_{key}".lower(), flags=re.ASCII)
        component["default_entity_id"] = f"{component['p']}.{entity}"
    return {
        "dev": {
            "ids": name,
            "name": camera.name,
            "mf": "Framelane",
            "mdl": "camera",
            "sw": _version(),
        },
        "o": {"name": "framelane", "sw": _version()},
        "availability_topic": topics.availability,
        "state_topic": topics.state(camera.name),
        "qos": 1,
        "cmps": components,
    }


def _of_class(name: str) -> dict[str, dict[str, Any]]:
    text = _text(name)
    occupancy = f"value_json.occupancy.get({text}, 'OFF')"
    return {
        identifier("occupancy", name): _binary(f"{name} present", "occupancy", occupancy),
        identifier("count", name): _sensor(f"{name} count", f"value_json.objects.get({text}, 0)"),
    }


def _of_line(topics: Topics, camera: str, line: str) -> dict[str, dict[str, Any]]:
    components: dict[str, dict[str, Any]] = {
        identifier("crossing", line): {
            "p": "event",
            "name": f"{line} crossed",
            "state_topic": topics.events(camera),
            "event_types": list(DIRECTIONS),
            "value_template": _crossing(line),
        }
    }
    for direction in DIRECTIONS:
        counted = f"value_json.lines.get({_text(line)}, {{}}).get({_text(direction)}, {{}})"
        sensor = _sensor(f"{line} {direction}", f"{counted}.values() | sum")
        sensor |= {"state_topic": topics.counts(camera), "state_class": "total_increasing"}
        components[identifier("crossed", line, direction.replace(" ", "-"))] = sensor
    return components


def _crossing(line: str) -> str:
    """Return a template that makes an entity's event of a crossing, and nothing of other messages.

    A crossing has one message when it happens; a later one says that its clip is ready.
    """
    condition = (
        "value_json.type == 'end' and value_json.event.kind == 'line'"
        f" and value_json.event.place == {_text(line)}"
    )
    event = (
        "{'event_type': value_json.event.direction, 'class': value_json.event['class'],"
        " 'id': value_json.id}"
    )
    return f"{{% if {condition} %}}{{{{ {event} | tojson }}}}{{% endif %}}"


def _binary(name: str, device_class: str, expression: str) -> dict[str, Any]:
    return {
        "p": "binary_sensor",
        "name": name,
        "device_class": device_class,
        "value_template": f"{{{{ {expression} }}}}",
    }


def _sensor(name: str, expression: str) -> dict[str, Any]:
    return {
        "p": "sensor",
        "name": name,
        "state_class": "measurement",
        "value_template": f"{{{{ {expression} }}}}",
    }


def _device(topics: Topics, camera: str) -> str:
    return identifier(*topics.prefix.split("/"), camera)


def _text(name: str) -> str:
    """Return a name as a literal of a template."""
    return json.dumps(name)


def _version() -> str:
    try:
        return version("framelane")
    except PackageNotFoundError:
        return "0"
