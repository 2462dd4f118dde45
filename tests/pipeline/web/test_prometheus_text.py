"""The text says what prometheus-client's own writer says, and its parser reads it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from pipeline.web.prometheus_text import prometheus_text


def families(label: str, value: float) -> list[Metric]:
    """Return one metric of each type."""
    counter = CounterMetricFamily("frames", "Frames.", labels=("camera", "reason"))
    counter.add_metric((label, ""), value)
    gauge = GaugeMetricFamily("depth", "Items.", labels=("channel",))
    gauge.add_metric((label,), -value)
    histogram = HistogramMetricFamily("latency_seconds", "Seconds.", labels=("camera",))
    histogram.add_metric((label,), [("0.5", 1), ("+Inf", 3)], value)
    info = InfoMetricFamily("build", "Versions.")
    info.add_metric((), {"model": label})
    return [counter, gauge, histogram, info, GaugeMetricFamily("open", "No label.", True)]


class Fixed(Collector):
    """Collects what it was given."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


@pytest.mark.parametrize("value", [0, 1, 0.1, 1e-7, 123456789.5, 2**53])
@given(label=st.text(alphabet=st.sampled_from('a"\\\n{},= ü'), max_size=8))
def test_it_says_what_the_reference_says(label: str, value: float) -> None:
    metrics = families(label, value)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Fixed(metrics))
    expected, found = (
        list(text_string_to_metric_families(text.decode()))
        for text in (generate_latest(registry), prometheus_text(metrics))
    )
    assert found == expected
