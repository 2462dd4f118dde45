"""A site in parts: what changes a digest, what is refused, and what is not shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detector.errors import UsageError
from pipeline.config import RunConfig
from pipeline.node.assignment import run_config, site_of
from tests.support.environment import PASSWORD

SITE: dict[str, Any] = {
    "sources": [
        {"url": "rtsp://10.0.0.1/1", "name": "door", "user": "me", "password": PASSWORD},
        {"url": "rtsp://10.0.0.2/1", "name": "yard", "place": "yard", "labels": {"site": "north"}},
    ],
    "outputs": ["tracks/{stream}/{epoch}.jsonl"],
    "recording": {"url": "rec/{stream}/{epoch}/%s.mp4"},
    "deliver": [{"url": "mqtt://10.0.0.3", "user": "me", "password": PASSWORD}],
    "events": {"streams": {"door": {"min_seconds": 3}}},
    "serve": {"tokens": {"robot": {"token": "x" * 20}}},
    "fleet": {},
}


def site(**changed: Any) -> RunConfig:
    return RunConfig.model_validate(SITE | changed)


def test_only_what_changes_has_another_digest() -> None:
    before = site_of(site())
    sources = [SITE["sources"][0] | {"max_age": 0.2}, SITE["sources"][1]]
    after = site_of(site(sources=sources, fleet={"headroom": 0.5}, serve="127.0.0.1:9"))
    changed = [
        old.name
        for old, new in zip(before.cameras, after.cameras, strict=True)
        if old.digest != new.digest
    ]
    assert changed == ["door"] and before.shared["digest"] == after.shared["digest"]
    assert site_of(site(detect={"conf": 0.5})).shared["digest"] != before.shared["digest"]


def test_where_a_camera_runs_is_no_change_of_it() -> None:
    sources = [SITE["sources"][0] | {"place": "yard"}, SITE["sources"][1] | {"labels": {}}]
    before, after = site_of(site()), site_of(site(sources=sources))
    assert [c.digest for c in before.cameras] == [c.digest for c in after.cameras]
    assert [c.place for c in after.cameras] == ["yard", "yard"]


def test_a_node_gets_what_it_needs_and_nothing_of_the_page() -> None:
    parts = site_of(site())
    config = run_config(parts.shared, None)
    assert config.deliver[0].password == PASSWORD
    assert config.events and config.events.filters("door").min_seconds == 3
    assert config.events.filters("yard").min_seconds == site().events.min_seconds  # type: ignore[union-attr]
    assert config.serve and not config.serve.tokens and config.fleet is None
    assert config.model.engine == "auto"  # a GPU is used where there is one
    assert parts.sources.keys() == {"door", "yard"}
    assert PASSWORD not in repr(parts)


def test_an_engine_that_was_chosen_stays() -> None:
    shared = site_of(site(model={"name": "street", "engine": "openvino"})).shared
    assert run_config(shared, None).model.engine == "openvino"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"outputs": ["tracks/{stream}.jsonl"]}, "has {epoch} in its path"),
        ({"outputs": ["tracks/{epoch}.jsonl"]}, "has {stream} in its path"),
        ({"recording": {"url": "rec/{stream}/%s.mp4"}}, "has {epoch} in its path"),
    ],
)
def test_a_file_to_which_two_nodes_might_write_is_refused(
    changed: dict[str, Any], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        site_of(site(**changed))


def test_a_model_of_ones_own_is_sent_by_content(tmp_path: Path) -> None:
    model = tmp_path / "own.onnx"
    model.write_bytes(b"1")
    model.with_suffix(".json").write_text("{}")
    before = site_of(site(model=str(model)))
    assert before.model == model and list(before.shared["model"]) == ["own.onnx", "own.json"]
    model.write_bytes(b"2")
    assert site_of(site(model=str(model))).shared["digest"] != before.shared["digest"]
    assert site_of(site(model="street")).model is None
