"""The OpenAPI document names every path that is served, and its schemas are valid."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.environment import PASSWORD
from tests.support.paths import ROOT
from tests.support.runs import minimal_config, quick_clip
from tests.support.web import Visitor, visited


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    config = minimal_config(
        tmp_path_factory.mktemp("out"),
        quick_clip(10**9, realtime=True),
        serve={"address": "127.0.0.1:0"},
    )
    with visited(config) as visitor:
        yield described(visitor)


def described(visitor: Visitor) -> dict[str, Any]:
    answer = visitor.ask("GET", "/api/v1/openapi.json")
    assert answer.status == 200
    content: dict[str, Any] = answer.content
    return content


def test_every_path_of_the_docs_is_in_the_document(document: dict[str, Any]) -> None:
    text = Path(ROOT, "docs/web.md").read_text(encoding="utf-8")
    named = {
        re.sub(r"\?.*", "", path).replace("NAME", "{name}").replace("UUID", "{uuid}")
        for path in re.findall(r"(/api/v1/[\w./?=&]+)", text)
    }
    served = set(document["paths"])
    documented = {path for path in named if not path.endswith(("/live", "/gate", "."))}
    assert documented <= served
    assert {path for path in served if "{" not in path} <= documented


def test_the_requests_of_the_docs_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = PASSWORD * 3
    monkeypatch.setenv("GRAFANA_TOKEN", token)
    config = minimal_config(
        tmp_path,
        quick_clip(10**9, realtime=True),
        events={"folder": str(tmp_path / "events")},
        serve={
            "address": "127.0.0.1:0",
            "schemes": ["rtsp"],
            "tokens": {"robot": {"token": token, "role": "admin"}},
        },
    )
    text = Path(ROOT, "docs/web.md").read_text(encoding="utf-8").replace("\\\n", "")
    commands = re.findall(r"^    curl (.*)$", text, re.M)
    assert len(commands) == 5
    with visited(config) as visitor:
        visitor.use_token(token)
        for command in commands:
            method, path, headers, body = parsed(os.path.expandvars(command))
            assert visitor.ask(method, path, body, headers).status in (200, 201), command


def parsed(command: str) -> tuple[str, str, dict[str, str], str | None]:
    """Return the method, the path, the headers and the body that curl would send."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-X", default="GET")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d")
    parser.add_argument("url")
    given = parser.parse_args(shlex.split(command))
    headers = dict(header.split(": ", 1) for header in given.H)
    return given.X, given.url.removeprefix("http://127.0.0.1:8080"), headers, given.d


def test_operations_have_words_ids_of_their_own_and_valid_schemas(document: dict[str, Any]) -> None:
    operations = [each for path in document["paths"].values() for each in path.values()]
    assert len(operations) > 20
    assert all(each["summary"].endswith((".", "`.")) for each in operations)
    ids = [each["operationId"] for each in operations]
    assert len(ids) == len(set(ids))
    bodies = [
        each["requestBody"]["content"]["application/json"]["schema"]
        for each in operations
        if "requestBody" in each
    ]
    assert len(bodies) == 4
    for schema in bodies:
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_variable_of_a_path_is_a_parameter(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            found = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert found == set(re.findall(r"{(\w+)}", path)), path
