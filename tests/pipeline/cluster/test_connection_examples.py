"""The examples of clusters: a site that is accepted, and Ray's own schema for its YAML."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pipeline.config import load_config
from pipeline.node.assignment import site_of
from tests.support.paths import ROOT

EXAMPLES = ROOT / "configs/cluster"


def example(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
    return content


def test_the_site_can_be_spread_over_nodes() -> None:
    site = site_of(load_config(EXAMPLES / "fleet.yaml", []))
    assert [camera.name for camera in site.cameras] == ["door", "hall", "yard"]
    assert [camera.place for camera in site.cameras] == ["entrance", "entrance", None]


def test_rays_schema_accepts_the_cluster() -> None:
    spec = find_spec("ray")
    if spec is None or not spec.submodule_search_locations:
        pytest.fail("Ray is not installed: it is part of the extra dev")
    schema = Path(spec.submodule_search_locations[0], "autoscaler", "ray-schema.json")
    jsonschema.validate(example("ray-cluster.yaml"), json.loads(schema.read_text()))


def test_both_clusters_have_the_same_settings() -> None:
    """The token is on, the dashboard and the statistics are off, the head runs no cameras."""
    kubernetes = example("kuberay.yaml")["spec"]
    groups = [kubernetes["headGroupSpec"], *kubernetes["workerGroupSpecs"]]
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        variables = {each["name"]: each.get("value") for each in container["env"]}
        assert variables["RAY_AUTH_MODE"] == "token"
        assert group["rayStartParams"]["disable-usage-stats"] == "true"
    head = kubernetes["headGroupSpec"]["rayStartParams"]
    assert (head["include-dashboard"], head["num-cpus"]) == ("false", "0")
    commands = example("ray-cluster.yaml")
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        start = commands[key][-1]
        assert start.startswith("RAY_AUTH_MODE=token ray start ")
        assert "--disable-usage-stats" in start
    assert "--include-dashboard=false" in commands["head_start_ray_commands"][-1]
