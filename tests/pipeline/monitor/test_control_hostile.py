"""Whatever is sent to the control endpoint, it answers with a status and a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.monitor.control import Control
from pipeline.run import Run
from tests.support.cameras import CAP
from tests.support.environment import PASSWORD
from tests.support.runs import minimal_config, quick_clip, running_well

WORDS = st.sampled_from(["url", "name", "stride", "max_frames", "realtime", "width", "transport"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
# A URL that no source reads, so that no stream starts.
SOURCES = st.dictionaries(WORDS | st.text(max_size=8), VALUES, max_size=5).map(
    lambda source: source | {"url": f"gopher://me:{PASSWORD}@cam/1"}
)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, int]]:
    folder = tmp_path_factory.mktemp("out")
    endless = quick_clip(10**9, name="steady", realtime=True)
    with (
        running_well(minimal_config(folder, endless)) as run,
        Control(run, "127.0.0.1:0") as control,
    ):
        yield run, control.port


def ask(port: int, method: str, path: str, body: str | bytes | None) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=CAP)
    connection.request(method, path, body)
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


@settings(max_examples=60, deadline=None)
@given(SOURCES | VALUES)
def test_any_json_is_refused_with_a_reason_and_without_passwords(
    endpoint: tuple[Run, int], source: Any
) -> None:
    run, port = endpoint
    status, content = ask(port, "POST", "/streams", json.dumps(source))
    assert status == 400
    assert content["error"] and PASSWORD not in content["error"]
    assert [stream.name for stream in run.streams] == ["steady"]


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_any_body_is_refused_with_a_reason(endpoint: tuple[Run, int], body: bytes) -> None:
    status, content = ask(endpoint[1], "POST", "/streams", body)
    assert status == 400 and content["error"]


@pytest.mark.parametrize(
    "body",
    [
        "[" * 60_000,
        '{"a":' * 10_000,
        '{"url": "synthetic", "stride": ' + "9" * 5000 + "}",
        '{"url": "a\\u0000.mp4"}',
        '{"url": "\\ud800"}',
        '{"url": "rtsp://127.0.0.1:1/x", "name": "../victim"}',
        '{"url": "rtsp://127.0.0.1:1/x", "name": "%H"}',
        '{"url": "rtsp://127.0.0.1:1/x", "name": "a\\n2026-11-28 00:00:00,000 E forged"}',
        '{"url": "synthetic", "stride": NaN}',
    ],
)
def test_requests_that_had_no_answer_or_did_harm_are_refused(
    endpoint: tuple[Run, int], body: str
) -> None:
    run, port = endpoint
    status, content = ask(port, "POST", "/streams", body)
    assert status == 400 and content["error"]
    assert [stream.name for stream in run.streams] == ["steady"]


@pytest.mark.parametrize("method", ["PUT", "HEAD", "PATCH", "OPTIONS", "BREW"])
def test_other_methods_are_refused(endpoint: tuple[Run, int], method: str) -> None:
    connection = HTTPConnection("127.0.0.1", endpoint[1], timeout=CAP)
    connection.request(method, "/streams")
    assert connection.getresponse().status in (405, 501)
    connection.close()
