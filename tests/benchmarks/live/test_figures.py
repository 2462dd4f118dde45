"""The claims of the live benchmarks: trends, slopes and repeated log lines."""

from __future__ import annotations

import logging
from random import Random

import pytest
from scipy.stats import kendalltau

from benchmarks.live.figures import Claim, grows, judge, slope_per_minute
from benchmarks.live.watch import Lines, Sample, flat_memory, no_growth, nothing_left
from pipeline.runtime.stats import Histogram


def test_a_steady_rise_is_a_trend_and_one_bad_window_is_not() -> None:
    assert grows([10, 11, 12, 13, 15, 16, 18, 20, 21, 25])
    assert not grows([10, 11, 10, 90, 11, 10, 11, 10, 11, 10])
    assert not grows([10.0] * 10)


@pytest.mark.parametrize("slope", [0.0, 0.3, 2.0])
def test_trends_are_significant_where_scipy_says_so(slope: float) -> None:
    """Close to 5% the two may differ: scipy is exact, ours uses the normal distribution."""
    random = Random(1)
    for _ in range(200):
        values = [slope * k + random.gauss(0, 1) for k in range(12)]
        chance = kendalltau(range(12), values, alternative="greater").pvalue
        if abs(chance - 0.05) > 0.02:
            assert grows(values) == (chance < 0.05)


def test_a_slope_is_per_minute() -> None:
    seconds = [0.0, 30.0, 60.0, 90.0]
    assert slope_per_minute(seconds, [5 + s / 60 * 2e6 for s in seconds]) == pytest.approx(2e6)


def test_memory_that_grows_only_during_the_warm_up_is_flat() -> None:
    early = [Sample(s, 1000 * min(s, 20), 9, 9) for s in range(1, 101)]
    assert flat_memory(early, max_slope=1000).holds
    steadily = [Sample(s, 1000 * s, 9, 9) for s in range(1, 101)]
    assert not flat_memory(steadily, max_slope=1000).holds


def test_a_thread_left_behind_is_detected() -> None:
    assert nothing_left(Sample(0, 1, 9, 9), Sample(1, 2, 9, 9)).holds
    assert not nothing_left(Sample(0, 1, 9, 9), Sample(1, 1, 10, 9)).holds


def test_the_trend_is_that_of_the_slowest_stream() -> None:
    def window(milliseconds: float) -> Histogram:
        histogram = Histogram()
        histogram.record(milliseconds / 1e3)
        return histogram

    rising = [{"a": window(1), "b": window(10 + 5 * k)} for k in range(8)]
    assert not no_growth(rising).holds
    assert no_growth(rising[:1] * 8).holds


def test_log_lines_that_differ_only_in_numbers_count_as_one_kind_per_stream() -> None:
    log = logging.getLogger("framelane")
    with Lines() as lines:
        log.info("cam-1: refused; next attempt in %.1f s", 0.4)
        log.info("cam-1: refused; next attempt in %.1f s", 12.9)
        log.info("cam-2: refused; next attempt in %.1f s", 0.4)
    assert sorted(map(len, lines.written.values())) == [1, 2]


def test_a_claim_that_does_not_hold_sets_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge([Claim("a", "1", True)]) == 0
    assert judge([Claim("a", "1", True), Claim("b", "2", False)]) == 1
    assert "DOES NOT HOLD b: 2" in capsys.readouterr().out
