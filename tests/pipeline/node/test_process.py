"""The process of a node, without a cluster: it does what it is told, and goes on alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.manifest import sha256_of
from detector.weights.zoo import find_model
from pipeline.fleet.site import Site
from pipeline.node.assignment import site_of
from pipeline.node.launch import ask_node, node_folder
from pipeline.node.model_store import parts
from tests.support.cameras import Server, require_gstreamer, until
from tests.support.environment import PASSWORD
from tests.support.fleet_cameras import fleet_site, recorded, small_cameras, written_site

COUNT = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("node")


@pytest.fixture(scope="module")
def cameras(folder: Path) -> Iterator[Server]:
    require_gstreamer()
    with small_cameras(folder, COUNT) as server:
        yield server


@pytest.fixture(scope="module")
def node(folder: Path) -> Iterator[Path]:
    place = node_folder(str(folder / "nodes/{node}"), "n1")
    until(lambda: "term" in ask_node(place, {"op": "hello"}), "the start of a node")
    yield place
    pid = tell(place, "report", 99)["pid"]
    tell(place, "stop", 99)
    until(lambda: not Path(f"/proc/{pid}").exists(), "the end of a node")


def tell(node: Path, operation: str, term: int = 1, **request: Any) -> dict[str, Any]:
    return ask_node(node, {"op": operation, "term": term, **request})


def apply(node: Path, site: Site, names: dict[str, int], term: int = 1) -> dict[str, Any]:
    digests = {camera.name: camera.digest for camera in site.cameras}
    cameras = {
        name: {"epoch": epoch, "digest": digests[name], "source": site.sources[name]}
        for name, epoch in names.items()
    }
    return tell(node, "apply", term, shared=site.shared, cameras=cameras)


def states(node: Path, term: int = 1) -> dict[str, str]:
    report = tell(node, "report", term)
    return {name: each["state"] for name, each in report["cameras"].items()}


def test_a_node_runs_and_records_what_it_is_told(folder: Path, cameras: Server, node: Path) -> None:
    site = site_of(written_site(fleet_site(cameras, COUNT, folder), folder / "site.yaml"))
    apply(node, site, {"cam0": 11, "cam1": 12})
    until(lambda: states(node) == {"cam0": "LIVE", "cam1": "LIVE"}, "both cameras live")
    until(lambda: tell(node, "report")["cameras"]["cam0"]["cost"], "a measured cost")
    apply(node, site, {"cam0": 11, "cam1": 13})  # one in a new epoch
    until(lambda: tell(node, "report")["cameras"]["cam1"]["epoch"] == 13)
    until(lambda: states(node) == {"cam0": "LIVE", "cam1": "LIVE"}, "both cameras live")
    assert tell(node, "report")["cameras"]["cam0"]["details"]["connections"] == 1
    assert (
        'framelane_camera_state{camera="cam1",state="live"} 1.0' in tell(node, "metrics")["metrics"]
    )
    apply(node, site, {})
    until(lambda: states(node) == {}, "the end of both cameras")
    assert recorded(folder, "cam1").keys() == {"epoch-0000000012", "epoch-0000000013"}
    assert all(count > 0 for count in recorded(folder, "cam1").values())
    assert recorded(folder, "cam0").keys() == {"epoch-0000000011"}


def test_the_process_of_a_node_is_nobodys_child_and_has_no_token(node: Path) -> None:
    pid = tell(node, "report")["pid"]
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if ":\t" in line
    )
    assert status["PPid"].strip() != str(os.getpid())
    assert os.getsid(pid) != os.getsid(0)
    assert b"RAY_" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_each_camera_has_its_log_and_none_has_a_password(node: Path) -> None:
    lines = tell(node, "log", camera="cam0")["lines"]
    assert any("cam0" in line for line in lines)
    assert not any("cam1" in line for line in lines)
    written = [path.read_text() for path in (node / "logs").iterdir()]
    assert written and not any(PASSWORD in text for text in written)


def test_a_camera_that_cannot_be_started_is_refused_and_the_others_run(
    folder: Path, cameras: Server, node: Path
) -> None:
    content = fleet_site(cameras, COUNT, folder)
    content["sources"][0]["transport"] = "pigeon"
    site = site_of(written_site(content, folder / "refused.yaml"))
    apply(node, site, {"cam0": 21, "cam1": 22})
    until(lambda: states(node) == {"cam0": "REFUSED", "cam1": "LIVE"}, "one refused, one live")
    assert "pigeon" in tell(node, "report")["cameras"]["cam0"]["details"]["why"]
    apply(node, site, {})


def test_a_model_is_sent_once_by_its_content_and_a_node_that_cannot_run_it_says_why(
    folder: Path, cameras: Server, node: Path
) -> None:
    model = folder / "own.onnx"
    bundled = find_model("street")
    model.write_bytes(bundled.read_bytes())
    model.with_suffix(".json").write_bytes(bundled.with_suffix(".json").read_bytes())
    content = fleet_site(cameras, COUNT, folder, model={"name": str(model), "engine": "fake"})
    site = site_of(written_site(content, folder / "model.yaml"))
    assert site.model == model
    assert apply(node, site, {}) == {"missing_model": True}
    sent = list(parts(model))
    damaged = {**sent[0], "content": ""}
    assert "error" not in tell(node, "model", **{**damaged, "last": False})
    for part in sent:
        tell(node, "model", **part)
    assert "missing_model" not in apply(node, site, {"cam0": 31})
    until(lambda: states(node) == {"cam0": "LIVE"}, "the camera with the sent model")
    (stored,) = (node / "models").rglob("*.onnx")
    assert sha256_of(stored) == sha256_of(model)
    broken = fleet_site(cameras, COUNT, folder, model={"name": "street", "engine": "tensorrt"})
    apply(node, site_of(written_site(broken, folder / "broken.yaml")), {"cam0": 32})
    until(lambda: tell(node, "report")["engine"] == "failed", "the refusal")
    report = tell(node, "report")
    assert report["cameras"] == {} and report["why"]


def test_a_coordinator_with_a_successor_is_not_obeyed(node: Path) -> None:
    assert "superseded" not in tell(node, "report", 7)
    assert "term 7" in tell(node, "report", 6)["superseded"]
    assert ask_node(node, {"op": "hello"})["term"] == 7
