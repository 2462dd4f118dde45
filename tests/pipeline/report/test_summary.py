from __future__ import annotations

from pipeline.report.figures import figures
from pipeline.report.summary import summary
from tests.support.faulty_runs import finished


def test_the_summary_has_a_line_for_each_stream_and_stage() -> None:
    run = finished()
    lines = summary(figures(run.pipeline, run.streams)).splitlines()
    assert lines[0].startswith("s0: 20 frames decoded, 10 emitted, 10 dropped (decode: stride); ")
    assert lines[1].startswith("s1: 10 frames decoded, 5 emitted, 5 dropped (decode: stride); ")
    stages = [line.split()[0] for line in lines[4:]]
    assert stages[:2] == ["preprocess", "submit"] and "s1/sink0" in stages


def test_what_became_of_events_is_said() -> None:
    run = finished()
    told = {"name": "hook", "delivered": 7, "pending": 2, "dropped": 0, "last_error": "429\n"}
    events = {
        "changes_stored": 9,
        "changes_lost": 1,
        "clips": {"ready": 3, "failed": 0, "pending": 0},
        "deliveries": [told],
    }
    text = summary(figures(run.pipeline, run.streams, events=events))
    assert "events: 9 changes stored, 1 lost, clips: 3 ready\n" in text
    assert "    hook: 7 messages delivered, 2 wait; last error: 429" in text
    assert "events:" not in summary(figures(run.pipeline, run.streams))
