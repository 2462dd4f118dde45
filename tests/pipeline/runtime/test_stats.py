"""Distributions of fixed size say what all the durations themselves would."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.runtime.stats import ChannelStats, Histogram


def recorded(seconds: list[float]) -> Histogram:
    histogram = Histogram()
    for each in seconds:
        histogram.record(each)
    return histogram


@pytest.mark.parametrize("percent", [1, 50, 90, 95, 99, 100])
@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
def test_percentiles_are_within_two_percent(percent: float, spread: float) -> None:
    durations = np.random.default_rng(1).lognormal(np.log(0.02), spread, 20_000).clip(2e-6, 5e3)
    exact = np.percentile(durations, percent, method="inverted_cdf")
    assert recorded(durations.tolist()).percentile(percent) == pytest.approx(exact, rel=0.02)


def test_count_total_and_max_are_exact() -> None:
    durations = np.random.default_rng(2).exponential(0.01, 1000)
    histogram = recorded(durations.tolist())
    assert histogram.count == 1000
    assert histogram.total == pytest.approx(durations.sum())
    assert histogram.max == durations.max()


def test_no_percentile_exceeds_the_longest() -> None:
    assert recorded([0.01]).percentile(100) <= 0.01


def test_of_none_every_figure_is_zero() -> None:
    assert Histogram().as_milliseconds() == {"p50": 0, "p95": 0, "p99": 0, "max": 0}


def test_a_report_is_in_milliseconds() -> None:
    figures = recorded([0.004] * 99 + [2.0]).as_milliseconds()
    assert figures == {
        "p50": pytest.approx(4, rel=0.02),
        "p95": pytest.approx(4, rel=0.02),
        "p99": pytest.approx(4, rel=0.02),
        "max": 2000,
    }


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e-6, 1e4, 1e6])
def test_durations_beyond_the_buckets_are_counted_too(seconds: float) -> None:
    histogram = recorded([seconds])
    assert histogram.count == 1 and histogram.max == seconds
    assert 0 <= histogram.percentile(50) <= max(seconds, 1e-6)


def test_only_a_noticeable_wait_found_the_channel_empty() -> None:
    stats = ChannelStats()
    for seconds in (1e-6, 0.5, 0.25):
        stats.received_after(seconds)
    assert stats.found_empty == 2 and stats.receive_waits == pytest.approx(0.750001)


def test_what_came_after_a_copy_is_a_distribution_of_its_own() -> None:
    histogram = recorded([5.0, 0.3])
    earlier = histogram.copy()
    for seconds in (0.01, 0.02, 0.03):
        histogram.record(seconds)
    later = histogram.since(earlier)
    assert (earlier.count, later.count, histogram.count) == (2, 3, 5)
    assert later.total == pytest.approx(0.06)
    assert later.percentile(50) == pytest.approx(0.02, rel=0.02)
    assert later.max == pytest.approx(0.03, rel=0.02)
    assert histogram.since(histogram.copy()).as_milliseconds()["max"] == 0


def test_durations_within_bounds_are_counted_to_two_percent() -> None:
    durations = np.random.default_rng(3).lognormal(np.log(0.05), 1.0, 20_000)
    bounds = [0.001, 0.02, 0.05, 0.5, 10.0, 1e9]
    counted = recorded(durations.tolist()).at_most(bounds)
    for bound, count in zip(bounds, counted, strict=True):
        assert (durations <= bound).sum() <= count <= (durations <= bound * 1.021).sum()
