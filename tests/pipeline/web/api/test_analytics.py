"""Lines and zones through the API: replaced for all, seen at once, saved with their comments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config import load_config
from pipeline.web.serving import web_server
from tests.support.cameras import until
from tests.support.environment import PASSWORD
from tests.support.runs import running_well
from tests.support.web import Visitor

ANALYTICS = "/api/v1/analytics"
YARD = {"name": "yard", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]], "classes": ["person"]}
TOKEN = PASSWORD * 3
GATE = {"name": "gate", "start": [0.2, 0.5], "end": [0.8, 0.5]}
FILE = """\
# My site
sources:
  - url: synthetic   # the street
    name: steady
    realtime: true
model: {{engine: fake}}
outputs: ['{folder}/{{stream}}.jsonl']
analytics:
  lines:             # where they pass
    - {{name: old, start: [0, 0], end: [1, 1]}}
serve:
  address: 127.0.0.1:0
  save: true
  schemes: [rtsp]
  tokens:
    robot: {{token: "${{ROBOT_TOKEN}}", role: admin}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(FILE.format(folder=tmp_path), encoding="utf-8")
    return path


@pytest.fixture
def visitor(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    monkeypatch.setenv("ROBOT_TOKEN", TOKEN)
    config = load_config(file, [])
    with running_well(config) as run, web_server(run, config, file=file) as server:
        found = Visitor(server.port, run)
        found.use_token(TOKEN)
        yield found


def put(visitor: Visitor, content: Any, etag: str) -> Any:
    return visitor.ask("PUT", ANALYTICS, content, {"If-Match": etag})


def test_shapes_are_replaced_seen_by_the_stream_and_saved(visitor: Visitor, file: Path) -> None:
    before = visitor.ask("GET", ANALYTICS)
    assert [line["name"] for line in before.content["lines"]] == ["old"]
    answer = put(visitor, {"zones": [YARD], "lines": [GATE]}, before.headers["etag"])
    assert answer.status == 200 and answer.headers["etag"] != before.headers["etag"]
    assert visitor.ask("GET", ANALYTICS).content == {"lines": [GATE], "zones": [YARD]}
    lines = Path(file.parent / "steady.jsonl")
    until(lambda: lines.exists() and '"yard":' in lines.read_text(encoding="utf-8"))
    saved = file.read_text(encoding="utf-8")
    assert yaml.safe_load(saved)["analytics"] == {"zones": [YARD], "lines": [GATE]}
    assert "# My site" in saved and "# the street" in saved
    assert "${ROBOT_TOKEN}" in saved and PASSWORD not in saved
    assert load_config(file, []).analytics.zones[0].name == "yard"


def test_a_second_editor_gets_a_clear_conflict(visitor: Visitor) -> None:
    etag = visitor.ask("GET", ANALYTICS).headers["etag"]
    assert put(visitor, {"lines": [GATE]}, etag).status == 200
    answer = put(visitor, {"zones": [YARD]}, etag)
    assert answer.status == 412 and "somebody else" in answer.content["detail"]
    assert visitor.ask("GET", ANALYTICS).content["lines"] == [GATE]
    assert visitor.ask("PUT", ANALYTICS, {"zones": []}).status == 428


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ({"zones": [{**YARD, "polygon": [[0, 0], [1, 1]]}]}, "polygon"),
        ({"zones": [{**YARD, "polygon": [[0, 0], [1, 1], [2, 2]]}]}, "no area"),
        ({"zones": [{**YARD, "classes": ["unicorn"]}]}, "unicorn"),
        ({"lines": [GATE, GATE]}, "given twice"),
        ({"lines": [{**GATE, "colour": "red"}]}, "colour"),
    ],
)
def test_a_wrong_shape_is_refused_and_nothing_changes(
    visitor: Visitor, content: Any, detail: str
) -> None:
    before = visitor.ask("GET", ANALYTICS)
    answer = put(visitor, content, before.headers["etag"])
    assert answer.status == 400 and detail in answer.content["detail"]
    assert visitor.ask("GET", ANALYTICS).content == before.content


def test_cameras_that_are_added_and_removed_are_saved(visitor: Visitor, file: Path) -> None:
    body = {"url": "rtsp://127.0.0.1:9/1", "max_age": 0.3}
    assert visitor.ask("PUT", "/api/v1/cameras/gate", body).status == 201
    sources = yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]
    assert sources[1] == {"url": "rtsp://127.0.0.1:9/1", "name": "gate", "max_age": 0.3}
    assert visitor.ask("DELETE", "/api/v1/cameras/gate").status == 200
    sources = yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]
    assert [source["name"] for source in sources] == ["steady"]
    assert "# the street" in file.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_saved_is_said_and_the_change_holds(
    visitor: Visitor, file: Path
) -> None:
    etag = visitor.ask("GET", ANALYTICS).headers["etag"]
    file.write_text("sources: [", encoding="utf-8")
    answer = put(visitor, {"lines": [GATE]}, etag)
    assert answer.status == 409 and "the change holds for this run" in answer.content["detail"]
    assert visitor.ask("GET", ANALYTICS).content["lines"] == [GATE]
    assert file.read_text(encoding="utf-8") == "sources: ["
