"""The control endpoint: requests that it answers, and those that it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from detector.errors import UsageError
from pipeline.monitor.control import Control
from pipeline.run import Run
from tests.support.cameras import CAP, until
from tests.support.environment import PASSWORD
from tests.support.runs import emitted, minimal_config, quick_clip, running_well


class Operator:
    """An HTTP client on this machine."""

    def __init__(self, control: Control, run: Run) -> None:
        self.run = run
        self.port = control.port

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return the status and the content of an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=CAP)
        text = body if isinstance(body, str) else json.dumps(body)
        connection.request(method, path, None if body is None else text, headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        return answer.status, content


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("out")
    endless = quick_clip(10**9, name="steady", realtime=True)
    with (
        running_well(minimal_config(folder, endless)) as run,
        Control(run, "127.0.0.1:0") as control,
    ):
        yield Operator(control, run)


def test_streams_are_shown_with_their_frames(operator: Operator) -> None:
    until(lambda: emitted(operator.run, "steady"))
    status, content = operator.ask("GET", "/streams")
    assert status == 200
    assert content["streams"]["steady"]["emitted"] > 0
    status, content = operator.ask("GET", "/streams/steady")
    assert (status, content["url"]) == (200, "synthetic")


def test_a_stream_is_added_shown_and_removed(operator: Operator) -> None:
    url = f"rtsp://viewer:{PASSWORD}@127.0.0.1:9/1"
    assert operator.ask("POST", "/streams", {"url": url, "name": "door"}) == (201, {"name": "door"})
    until(lambda: operator.ask("GET", "/streams/door")[1]["connection"]["causes"] != {})
    status, content = operator.ask("GET", "/streams/door")
    assert content["connection"]["causes"].keys() == {"refused"}
    assert content["url"] == "rtsp://127.0.0.1:9/1"
    assert PASSWORD not in json.dumps(content)
    status, content = operator.ask("DELETE", "/streams/door")
    assert (status, content["connection"]["state"]) == (200, "ENDED")
    assert operator.ask("GET", "/streams/door")[0] == 404


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"name": "x"}, "url: missing"),
        ({"url": "no_such.mp4"}, "no_such.mp4: no such file"),
        ({"url": f"gopher://me:{PASSWORD}@cam/1"}, "gopher://cam/1: no source reads 'gopher'"),
        ({"url": "rtsp://cam/1", "transprt": "udp"}, "did you mean 'transport'"),
        ({"url": "synthetic", "stride": 0}, "stride: 0 given"),
        ("{", "a source as a JSON object is expected"),
        ([1], "a source as a JSON object is expected"),
    ],
)
def test_a_wrong_source_is_refused_with_the_accepted_values(
    operator: Operator, body: Any, complaint: str
) -> None:
    status, content = operator.ask("POST", "/streams", body)
    assert status == 400
    assert complaint in content["error"]
    assert PASSWORD not in content["error"]
    assert [stream.name for stream in operator.run.streams] == ["steady"]


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example:80"}]
)
def test_a_web_page_in_the_operators_browser_is_refused(
    operator: Operator, headers: dict[str, str]
) -> None:
    assert operator.ask("POST", "/streams", {"url": "synthetic"}, **headers)[0] == 403
    assert [stream.name for stream in operator.run.streams] == ["steady"]


@pytest.mark.parametrize("path", ["/", "/streams/a/b", "/stream", "/streams/nobody"])
def test_unknown_paths_and_streams_are_not_found(operator: Operator, path: str) -> None:
    assert operator.ask("GET", path)[0] == 404
    assert operator.ask("DELETE", path)[0] == 404


@pytest.mark.parametrize(
    "address", ["0.0.0.0:8080", "192.168.1.2:80", "cam:80", "8080", "127.0.0.1:x"]
)
def test_an_address_that_other_machines_reach_is_refused(operator: Operator, address: str) -> None:
    with pytest.raises(UsageError, match="--control"):
        Control(operator.run, address)


def test_an_address_in_use_is_refused(operator: Operator) -> None:
    with pytest.raises(UsageError, match="Address already in use"):
        Control(operator.run, f"127.0.0.1:{operator.port}")
