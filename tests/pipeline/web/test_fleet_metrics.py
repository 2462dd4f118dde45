"""The metrics of nodes in one: each sample has its node, each family is there once."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from pipeline.web.fleet_metrics import fleet_metrics

NODE = """# HELP framelane_frames_total Frames.
# TYPE framelane_frames_total counter
framelane_frames_total{camera="%s",outcome="emitted"} %d
# HELP framelane_latency_seconds Latency.
# TYPE framelane_latency_seconds histogram
framelane_latency_seconds_bucket{camera="%s",le="+Inf"} 2
framelane_latency_seconds_count{camera="%s"} 2
framelane_latency_seconds_sum{camera="%s"} 0.5
"""
STATUS = {
    "nodes": {"a": {"state": "ready", "cameras": 1}, "b": {"state": "dead", "cameras": 0}},
    "cameras": {"door": {"node": "a"}, "yard": {"node": None}},
}


def test_each_sample_has_its_node_and_each_family_is_there_once() -> None:
    texts = {"a": NODE % ("door", 7, *["door"] * 3), "b": NODE % ("yard", 9, *["yard"] * 3)}
    text = fleet_metrics(STATUS, texts).decode()
    families = {each.name: each for each in text_string_to_metric_families(text)}
    assert text.count("# TYPE framelane_frames_total ") == 1
    counted = {
        (sample.labels["node"], sample.labels["camera"]): sample.value
        for sample in families["framelane_frames"].samples
    }
    assert counted == {("a", "door"): 7, ("b", "yard"): 9}
    assert families["framelane_latency_seconds"].type == "histogram"
    up = {s.labels["node"]: s.value for s in families["framelane_fleet_node_up"].samples}
    assert up == {"a": 1, "b": 0}
    assert families["framelane_fleet_cameras_waiting"].samples[0].value == 1
