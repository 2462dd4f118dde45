from __future__ import annotations

import json

from pipeline.report.figures import figures
from tests.support.faulty_runs import Faults, finished


def test_the_figures_of_each_stream_add_up_and_are_ready_for_json() -> None:
    run = finished(Faults({"track": 5}))
    report = json.loads(json.dumps(figures(run.pipeline, run.streams)))
    assert report["exit_code"] == 1
    assert report["failures"] == [
        {"stage": "s0/track", "stream": "s0", "error": "track failed at 5"}
    ]
    for stream in report["streams"].values():
        lost = sum(each["frames"] for each in [*stream["dropped"], *stream["failed"]])
        assert stream["decoded"] == stream["emitted"] + lost
    steady = report["streams"]["s1"]
    assert (steady["decoded"], steady["emitted"]) == (10, 5)
    assert steady["dropped"] == [{"stage": "decode", "reason": "stride", "frames": 5}]
    assert list(steady["age_ms"]) == [
        *("decode", "preprocess", "submit", "collect", "suppress", "track", "sink0")
    ]
    assert report["stages"]["s1/decode"]["items"] == 10


def test_the_last_figures_of_removed_streams_stay_in_the_report() -> None:
    run = finished()
    report = figures(run.pipeline, run.streams, {"guest": {"decoded": 7}})
    assert list(report["streams"]) == ["guest", "s0", "s1"]
