"""What the user reads at the end and in between: counts that add up, speed, time left, reasons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.library.console import in_words, progress_line
from pipeline.library.executor import Fingerprint
from pipeline.library.load import Load
from pipeline.library.plan import Task
from pipeline.library.recordings import Recording
from pipeline.library.summary import exit_code, summary, write_report
from pipeline.library.tally import Fate, Result, Tally
from tests.detector.test_html_page import Checked


def task(number: int, size: int = 100, name: str = "rec/<b>.mp4") -> Task:
    recording = Recording(f"/{number}", name, str(number), named=False)
    return Task(number, recording, "s", (f"/out/{number}",), Fingerprint(size, 1))


def tally_of(*results: Result) -> Tally:
    tally = Tally([result.task for result in results])
    for result in results:
        tally.settle(result)
    return tally


FATES = [
    Result(task(0), Fate.DONE, frames=50, seconds=2.0),
    Result(task(1), Fate.DONE, faults=("damaged frame at frame 3",), frames=10, seconds=4.0),
    Result(task(2), Fate.ALREADY_DONE, frames=99, earlier=True),
    Result(task(3), Fate.FAILED, "it is not a video"),
    Result(task(4), Fate.QUARANTINED, "3 times, its process was killed", earlier=True),
    Result(task(5), Fate.CUT),
]


def test_the_summary_has_every_fate_the_speed_of_this_run_and_every_reason() -> None:
    assert summary(tally_of(*FATES), 10.0).splitlines() == [
        "6 recordings: 2 done, 1 already done, 1 failed, 1 set aside, 1 cut by the stop",
        "60 frames in 10.0 s, 6.0 frames/s",
        "rec/<b>.mp4: damaged: damaged frame at frame 3",
        "rec/<b>.mp4: failed: it is not a video",
        "rec/<b>.mp4: set aside in an earlier run: 3 times, its process was killed",
    ]


@given(st.lists(st.sampled_from(Fate), min_size=1, max_size=60))
def test_the_counts_add_up_to_the_number_of_recordings(fates: list[Fate]) -> None:
    tally = tally_of(*(Result(task(k), fate, "why") for k, fate in enumerate(fates)))
    first, *_ = summary(tally, 1.0).splitlines()
    total, *counts = map(int, re.findall(r"\d+", first))
    assert total == sum(counts) == len(fates)


@pytest.mark.parametrize(
    ("result", "code"),
    list(zip(FATES, [0, 1, 0, 1, 1, 0], strict=True)),
    ids=lambda each: str(each)[:9],
)
def test_the_exit_code_says_whether_outputs_are_missing_or_damaged(
    result: Result, code: int
) -> None:
    assert exit_code(tally_of(result), cancelled=False) == code
    assert exit_code(tally_of(result), cancelled=True) == 1


def test_many_failures_are_cut_short_on_the_terminal_and_all_are_in_the_report(
    tmp_path: Path,
) -> None:
    tally = tally_of(*(Result(task(k), Fate.FAILED, f"reason {k}") for k in range(30)))
    assert summary(tally, 1.0).splitlines()[-1] == "... and 10 more, all in the report"
    write_report(tmp_path / "report.html", tally, 1.0)
    assert "reason 29" in (tmp_path / "report.html").read_text()


def test_the_report_is_a_valid_page_with_names_as_text(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", tally_of(*FATES), 10.0)
    page = (tmp_path / "report.html").read_text()
    checked = Checked()
    checked.feed(page)
    assert checked.open == [] and checked.addresses == []
    assert "rec/&lt;b&gt;.mp4" in page and "<b>" not in page
    slowest = page.partition("Slowest")[2]
    assert re.findall(r"mp4</td><td>(\d\.\d)</td>", slowest) == ["4.0", "2.0"]
    for text in ("it is not a video", "damaged frame at frame 3", "in an earlier run"):
        assert text in page


def test_progress_counts_frames_in_flight_and_estimates_the_rest_by_bytes() -> None:
    tally = Tally([task(0, 100), task(1, 200), task(2, 300), task(3, 100)])
    assert progress_line(tally, 1.0) == "0 of 4 recordings; 0 frames, 0.0 frames/s"
    tally.settle(Result(task(3), Fate.ALREADY_DONE, earlier=True))
    tally.settle(Result(task(0), Fate.DONE, frames=50, seconds=1.0))
    tally.progress(1, 50)  # half of it, at as many bytes per frame
    assert tally.seconds_left(10.0) == pytest.approx(20.0)  # 200 of 600 bytes took 10 s
    tally.load = Load(4, 3.0, gpus=2, busy_gpus=0.5)
    assert progress_line(tally, 10.0) == (
        "2 of 4 recordings; 100 frames, 10.0 frames/s; CPU 75%, GPU 25%; about 20 s left"
    )
    tally.settle(Result(task(1, 200), Fate.FAILED, "why"))
    assert progress_line(tally, 10.0).startswith("3 of 4 recordings, 1 failed; 50 frames")
    tally.progress(2, 5000)  # more than its bytes promised
    assert tally.seconds_left(10.0) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (119, "119 s"), (600, "10 min"), (7300, "2 h 2 min"), (86400, "24 h 0 min")],
)
def test_durations_are_said_as_people_do(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
