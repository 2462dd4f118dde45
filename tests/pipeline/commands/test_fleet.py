"""framelane fleet: its words, and what it says where nothing runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.commands.fleet import fleet
from pipeline.connections.local_socket import LocalServer
from pipeline.fleet.coordinator import SOCKET

STATUS = {
    "nodes": {
        "n1": {"state": "ready", "why": "", "cameras": 1, "cores": 4.0, "cores_used": 0.5},
        "n2": {"state": "failed", "why": "no engine", "cameras": 0},
    },
    "cameras": {"door": {"node": "n1", "state": "LIVE", "cores": 0.5, "emitted": 7}},
}


def run(*words: str) -> Result:
    return CliRunner().invoke(fleet, list(words))


@pytest.mark.parametrize("words", [["status"], ["stop"], ["move", "door", "n1"], ["drain", "n1"]])
def test_where_no_fleet_is_watched_a_line_says_so(words: list[str], tmp_path: Path) -> None:
    result = run(*words, "--folder", str(tmp_path))
    assert result.exit_code == 1
    assert "no fleet is watched from" in result.stderr and result.stderr.count("\n") == 1


def test_status_shows_nodes_with_reasons_and_cameras(tmp_path: Path) -> None:
    with LocalServer(tmp_path / SOCKET, lambda _: STATUS):
        result = run("status", "--folder", str(tmp_path))
        as_json = run("status", "--json", "--folder", str(tmp_path))
    assert result.exit_code == 0 and '"emitted": 7' in as_json.stdout
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line}
    assert "no engine" in lines["n2"] and "0.5 of 4" in lines["n1"]
    assert "LIVE" in lines["door"] and "n1" in lines["door"]


def test_status_fails_while_a_camera_is_not_live(tmp_path: Path) -> None:
    dark = {"nodes": {}, "cameras": {"door": {"node": None, "state": "WAITING", "why": "no room"}}}
    with LocalServer(tmp_path / SOCKET, lambda _: dark):
        result = run("status", "--folder", str(tmp_path))
    assert result.exit_code == 1 and "no room" in result.stdout


def test_a_configuration_starts_and_a_second_one_for_the_same_folder_is_refused(
    tmp_path: Path,
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(f"sources: [rtsp://127.0.0.1:9/1]\nfleet: {{folder: {tmp_path}}}\n")
    with LocalServer(tmp_path / SOCKET, lambda _: STATUS):
        result = run(str(site))
    assert result.exit_code == 2 and "is watched from" in result.stderr


def test_a_mistake_in_the_configuration_is_found_before_ray_is_needed(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        "sources: [rtsp://127.0.0.1:9/1]\noutputs: ['a/{stream}.jsonl']\n"
        f"fleet: {{folder: {tmp_path}}}\n"
    )
    result = run(str(site), "--cluster", "127.0.0.1:9")
    assert result.exit_code == 2 and "has {epoch} in its path" in result.stderr
