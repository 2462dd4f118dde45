"""Metrics are valid, add up, and end with their camera; labels are never an error's text."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.cameras import until
from tests.support.environment import PASSWORD
from tests.support.paths import ROOT
from tests.support.runs import emitted, minimal_config, quick_clip
from tests.support.web import Visitor, visited

Samples = dict[str, list[tuple[dict[str, str], float]]]


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    endless = quick_clip(10**9, name="steady", realtime=True, attention="on")
    section = {"address": "127.0.0.1:0", "schemes": ["rtsp"]}
    with visited(minimal_config(tmp_path_factory.mktemp("out"), endless, serve=section)) as found:
        yield found


def scraped(visitor: Visitor) -> Samples:
    """Return the samples by name, as Prometheus' own parser reads them."""
    answer = visitor.ask("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples: Samples = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        assert family.documentation, family.name
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples


def test_the_outcomes_and_the_frames_in_flight_add_up_to_the_decoded_ones(
    visitor: Visitor,
) -> None:
    until(lambda: emitted(visitor.run, "steady"))
    for _ in range(20):
        samples = scraped(visitor)
        ((_, decoded),) = samples["framelane_frames_decoded_total"]
        ((_, in_flight),) = samples["framelane_frames_in_flight"]
        ended = sum(value for _, value in samples["framelane_frames_total"])
        assert ended + in_flight == decoded > 0
        assert in_flight >= 0


def test_frames_are_counted_by_why_they_were_looked_at_or_rested(visitor: Visitor) -> None:
    def judged() -> dict[str, float]:
        counts: Counter[str] = Counter()
        for labels, value in scraped(visitor)["framelane_frames_judged_total"]:
            assert labels["camera"] == "steady" and labels["reason"]
            counts[labels["outcome"]] += int(value)
        return dict(counts)

    until(lambda: {"look", "rest"} <= judged().keys())
    total = sum(judged().values())
    ((_, decoded),) = scraped(visitor)["framelane_frames_decoded_total"]
    assert 0 < total <= decoded


def test_the_latency_is_a_histogram_whose_buckets_grow(visitor: Visitor) -> None:
    until(lambda: emitted(visitor.run, "steady"))
    samples = scraped(visitor)
    buckets = [value for _, value in samples["framelane_latency_seconds_bucket"]]
    assert buckets == sorted(buckets)
    ((labels, count),) = samples["framelane_latency_seconds_count"]
    assert labels == {"camera": "steady", "clock": "arrival"} and buckets[-1] == count > 0


def test_every_camera_has_one_state_and_a_removed_one_has_no_series(visitor: Visitor) -> None:
    url = f"rtsp://viewer:{PASSWORD}@127.0.0.1:9/1"
    assert visitor.ask("PUT", "/api/v1/cameras/door", {"url": url}).status == 201
    until(lambda: "framelane_reconnects_total" in scraped(visitor))
    samples = scraped(visitor)
    states = Counter({labels["state"]: v for labels, v in samples["framelane_camera_state"]})
    assert states.total() == 1
    assert {labels["cause"] for labels, _ in samples["framelane_reconnects_total"]} == {"refused"}
    assert PASSWORD not in str(samples)
    visitor.ask("DELETE", "/api/v1/cameras/door")
    assert "door" not in visitor.ask("GET", "/metrics").content.decode()


def test_a_reason_in_words_is_no_label(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, so that no folder can be made here")
    endless = quick_clip(10**9, name="steady", realtime=True)
    template = str(blocked / "{stream}-%S.jsonl")
    config = minimal_config(tmp_path, endless, outputs=[template], serve={"address": "127.0.0.1:0"})
    with visited(config) as found:
        until(lambda: failed(found) > 0)
        reasons = {
            labels["reason"]
            for labels, _ in scraped(found)["framelane_frames_total"]
            if labels["outcome"] == "failed"
        }
    assert reasons == {"other"}


def failed(visitor: Visitor) -> int:
    return visitor.run.pipeline.ledger.balance("steady").failed.total()


def test_a_run_is_alive_and_ready_once_its_engine_is_open(visitor: Visitor) -> None:
    until(lambda: visitor.run.engine_is_open)
    assert visitor.ask("GET", "/livez").status == 200
    assert visitor.ask("GET", "/readyz").content == b"ready\n"
    ((_, is_open),) = scraped(visitor)["framelane_engine_open"]
    assert is_open == 1


def test_the_dashboard_asks_for_metrics_and_labels_that_exist(visitor: Visitor) -> None:
    until(lambda: emitted(visitor.run, "steady"))
    text = visitor.ask("GET", "/metrics").content.decode()
    families = {
        family.name + suffix
        for family in text_string_to_metric_families(text)
        for suffix in ("", "_total", "_bucket")
    }
    dashboard = json.loads((ROOT / "configs/grafana/framelane.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = {name for query in queries for name in re.findall(r"framelane_\w+", query)}
    assert asked <= families and len(asked) > 10
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
