"""A run that makes clips until it is killed: `python -m tests.support.clip_run FOLDER`.

A camera sends 20 s of video in each second. The UUID of each event is printed when the store has
it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import time

from pipeline.clips.footage import live_footage
from pipeline.clips.maker import ClipMaker
from pipeline.events.record import ClipState, EventKind, EventRecord, Moment, Phase, new_uuid
from pipeline.packets.packet import HERTZ, EncodedPacket
from pipeline.packets.tap import Tap
from pipeline.store.changes import EventChange
from pipeline.store.event_log import EventLog
from tests.support.cameras import FPS
from tests.support.packets import later, packets_of

SPEED = 20
EVENT_FRAMES, EVERY_FRAMES = 40, 110  # an event lasts, and one begins


def show(changes: Sequence[EventChange]) -> None:
    for change in changes:
        if change.phase is Phase.START:
            print(change.record.uuid, flush=True)


def endless(sent: Sequence[EncodedPacket]) -> Iterator[EncodedPacket]:
    """Repeat a clip with times that go on."""
    rounds = 0
    while True:
        yield from later(sent, rounds * len(sent) / FPS)
        rounds += 1


def moment(packet: EncodedPacket, began_at: float) -> Moment:
    seconds = packet.ticks / HERTZ
    return Moment(packet.ticks, seconds, began_at + seconds)


def main(folder: Path) -> None:
    event_log = EventLog(folder)
    event_log.on_committed(show)
    maker = ClipMaker(folder, event_log, pre_seconds=1.5, post_seconds=1.0)
    tap, pause, began_at = Tap(), Event(), time()
    maker.add("door", live_footage(tap, 1.5), ["person"])
    packets, sent = packets_of(75, gop=FPS, size=(640, 192))
    tap.connected(packets)
    events: list[EventRecord] = []
    for number, packet in enumerate(endless(sent)):
        tap.put(packet)
        now = moment(packet, began_at)
        if number % EVERY_FRAMES == FPS:
            state = ClipState.PENDING
            new = EventRecord("door", EventKind.OBJECT, now, uuid=new_uuid(), clip_state=state)
            events.append(new)
            maker.put(new, Phase.START)
        if events and now.seconds - events[0].start.seconds > EVENT_FRAMES / FPS:
            maker.put(replace(events.pop(0), end=now), Phase.END)
        pause.wait(1 / FPS / SPEED)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
