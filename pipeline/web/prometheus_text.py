"""Metrics as Prometheus' text format, version 0.0.4.

prometheus-client checks each name of each sample again, which takes three quarters of a scrape.
Names are constants here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_SUFFIXES = {"counter": "_total", "info": "_info"}  # of a family's name


def prometheus_text(metrics: Iterable[Metric]) -> bytes:
    """Return the text of counters, gauges, infos and histograms, each with its samples."""
    return "".join(line for metric in metrics for line in _lines(metric)).encode()


def _lines(metric: Metric) -> Iterator[str]:
    name = metric.name + _SUFFIXES.get(metric.type, "")
    yield f"# HELP {name} {metric.documentation}\n"
    yield f"# TYPE {name} {'gauge' if metric.type == 'info' else metric.type}\n"
    yield from map(_line, metric.samples)


def _line(sample: Sample) -> str:
    labels = _shown(tuple(sample.labels.items()))
    return f"{sample.name}{{{labels}}} {float(sample.value)!r}\n"


@lru_cache(1 << 14)  # most series are the same at each scrape
def _shown(labels: tuple[tuple[str, str], ...]) -> str:
    return ",".join([f'{name}="{value.translate(_ESCAPED)}"' for name, value in labels])
