"""A kill at any moment leaves clips that play, and others that the next run calls failed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from pipeline.clips.clip_file import part_of
from pipeline.clips.footage import LiveFootage
from pipeline.events.record import ClipState
from pipeline.events.sidecar import sidecar_path
from pipeline.packets.ring import Ring
from pipeline.store.event_log import EventLog
from tests.support.cameras import CAP
from tests.support.clips import clips, event, making, plays, put, stored
from tests.support.packets import packets_of
from tests.support.paths import ROOT

KILLS = 10


@pytest.mark.long
@pytest.mark.timeout(600)
def test_after_ten_kills_each_clip_plays_or_is_marked_failed(tmp_path: Path) -> None:
    chance = random.Random(18)
    acknowledged: list[str] = []
    checked: set[Path] = set()
    for _ in range(KILLS):
        acknowledged += killed_run(tmp_path, chance)
        for clip in set(clips(tmp_path)) - checked:
            assert plays(clip), clip
            assert sidecar_path(clip).exists()
            checked.add(clip)
    with making(tmp_path):
        pass
    found = {each.uuid: each for each in stored(tmp_path)}
    assert set(acknowledged) <= set(found)
    states = {each.clip_state for each in found.values()}
    assert ClipState.READY in states and states <= {ClipState.READY, ClipState.FAILED}
    for each in found.values():
        if each.clip_state is ClipState.READY:
            assert (tmp_path / str(each.clip)).is_file()
        else:
            assert each.clip_reason == "the run ended before the clip was written"
    assert list((tmp_path / "clips").rglob("*.part")) == []
    assert {tmp_path / str(each.clip) for each in found.values() if each.clip} == set(
        clips(tmp_path)
    )


def killed_run(folder: Path, chance: random.Random) -> list[str]:
    """Kill a run at random, and return the events whose storing it had acknowledged."""
    line = [sys.executable, "-m", "tests.support.clip_run", str(folder)]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        seen = [child.stdout.readline().strip() for _ in range(chance.randint(1, 6))]
        Event().wait(chance.uniform(0, 0.5))  # any moment will do
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
    whole = rest[: rest.rfind("\n") + 1].split()
    assert all(seen), "the run ended by itself"
    return [*seen, *whole]


def test_a_complete_part_gets_its_name_and_its_event_is_ready(tmp_path: Path) -> None:
    uuid, clip = _made(tmp_path)
    clip.replace(part_of(clip))  # as if the run was killed between sidecar and name
    _set_pending(tmp_path, uuid)
    with making(tmp_path):
        pass
    (record,) = stored(tmp_path)
    assert (record.clip_state, record.clip_reason) == (ClipState.READY, None)
    assert clips(tmp_path) == [clip]
    assert plays(clip)


def test_a_part_without_sidecar_is_deleted_and_its_event_has_failed(tmp_path: Path) -> None:
    uuid, clip = _made(tmp_path)
    clip.replace(part_of(clip))
    sidecar = sidecar_path(clip)
    sidecar.replace(part_of(sidecar))
    _set_pending(tmp_path, uuid)
    with making(tmp_path):
        pass
    (record,) = stored(tmp_path)
    assert record.clip_state is ClipState.FAILED
    assert record.clip is None
    assert list((tmp_path / "clips/door").iterdir()) == []


def _made(folder: Path) -> tuple[str, Path]:
    """Make a clip; return the UUID of its event, and its path."""
    ring = Ring("clips", 60)
    packets, sent = packets_of(200)
    ring.put(packets)
    for packet in sent:
        ring.put(packet)
    record = event(3.0, 4.0)
    with making(folder) as (maker, _):
        maker.add("door", LiveFootage(ring), ["person"])
        put(maker, [record])
    return record.uuid, folder / str(stored(folder)[0].clip)


def _set_pending(folder: Path, uuid: str) -> None:
    """Store the event as it was while its clip was written."""
    (before,) = stored(folder)
    event_log = EventLog(folder)
    try:
        event_log.clip_settled(uuid, ClipState.PENDING, before.clip)
        assert event_log.flush(CAP)
    finally:
        event_log.close()
