"""The metrics of a fleet: those of all nodes in one, each with the name of its node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from pipeline.web.prometheus_text import prometheus_text


def fleet_metrics(status: Mapping[str, Any], texts: Mapping[str, str]) -> bytes:
    """Return all metrics in Prometheus' text format.

    status: see status_of; texts: node -> its metrics in the same format
    """
    return prometheus_text([*_of_fleet(status), *_of_nodes(texts)])


def _of_fleet(status: Mapping[str, Any]) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "framelane_fleet_node_up", "1 if the node can run cameras.", labels=("node",)
    )
    held = GaugeMetricFamily(
        "framelane_fleet_cameras", "Cameras that the node should run.", labels=("node",)
    )
    for name, node in status["nodes"].items():
        up.add_metric((name,), node["state"] == "ready")
        held.add_metric((name,), node["cameras"])
    waiting = [camera for camera in status["cameras"].values() if camera["node"] is None]
    yield from (up, held)
    yield GaugeMetricFamily(
        "framelane_fleet_cameras_waiting", "Cameras that no node runs.", len(waiting)
    )


def _of_nodes(texts: Mapping[str, str]) -> Iterable[Metric]:
    joined: dict[str, Metric] = {}
    for node, text in texts.items():
        for family in text_string_to_metric_families(text):
            metric = joined.setdefault(
                family.name, Metric(family.name, family.documentation, family.type)
            )
            for sample in family.samples:
                metric.samples.append(sample._replace(labels={"node": node, **sample.labels}))
    return joined.values()
