"""Messages: the envelope, its schema, and what tells repeats."""

from __future__ import annotations

import json

from pipeline.delivery.message import message_of
from pipeline.events.payload import Gap, as_text, gap_json
from pipeline.events.record import Phase, new_uuid
from pipeline.store.outbox import OutboxRow
from tests.support.deliveries import a_row, validator


def test_a_message_of_each_phase_is_as_its_schema_says() -> None:
    for number, phase in enumerate((Phase.START, Phase.UPDATE, Phase.END), start=1):
        row = a_row(number, phase=phase)
        envelope = json.loads(message_of(row).body)
        validator("envelope").validate(envelope)
        assert envelope["type"] == phase.value
        assert (envelope["id"], envelope["sequence"]) == (row.uuid, number)
        assert envelope["event"] == json.loads(row.body)


def test_a_gap_says_how_much_is_missing_and_of_which_camera() -> None:
    gap = Gap(new_uuid(), "door", 12, 1_795_000_000.0, 1_795_000_060.0)
    row = OutboxRow(9, "door", gap.uuid, Phase.GAP, as_text(gap_json(gap)), 0.0)
    envelope = json.loads(message_of(row).body)
    validator("envelope").validate(envelope)
    assert (envelope["type"], envelope["sequence"], envelope["camera"]) == ("gap", None, "door")
    assert envelope["event"]["dropped"] == 12


def test_the_schema_refuses_a_gap_in_the_place_of_an_event_and_the_other_way_round() -> None:
    envelope = json.loads(message_of(a_row(1)).body)
    assert not validator("envelope").is_valid(envelope | {"type": "gap", "sequence": None})
    assert not validator("envelope").is_valid(envelope | {"sequence": None})


def test_a_repeat_is_the_same_bytes_and_two_messages_of_one_event_have_two_ids() -> None:
    start = a_row(1)
    end = OutboxRow(2, start.stream, start.uuid, Phase.END, start.body, start.created_at)
    assert message_of(start) == message_of(start)
    assert message_of(start).id != message_of(end).id
    assert json.loads(message_of(end).body)["message"] == message_of(end).id
