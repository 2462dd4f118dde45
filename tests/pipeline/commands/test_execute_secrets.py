"""A password comes out of a run nowhere: not in the log, an error, the report or a file's name."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml
from click.testing import CliRunner

from pipeline.commands.run import run

SECRET = "Zq81xTw5"
NOWHERE = "127.0.0.1:9"  # a port at which nothing listens
SOURCES = [
    {"url": f"rtsp://admin:{SECRET}@{NOWHERE}/1"},
    {"url": "rtsp://admin:${PW}@" + NOWHERE + "/1"},
    {"url": f"rtsp://{NOWHERE}/1", "user": "admin", "password": f"@/:#?{SECRET}"},
    {"url": f"rtsp://{NOWHERE}/user=admin_password={SECRET}_channel=1_stream=0.sdp?real_stream"},
    {"url": f"rtsp://{NOWHERE}/live;user=admin;password={SECRET}"},
    {"url": f"mjpeg:http://{NOWHERE}/videostream.cgi?loginuse=admin&loginpas={SECRET}"},
    {"url": f"http://{NOWHERE}/a.mp4?{SECRET}"},
    {"url": f"rtsp://{NOWHERE}/1#token={SECRET}"},
    {"url": f"rtsp://admin:12/{SECRET}@{NOWHERE}/1"},
    {"url": f"rtsp://{NOWHERE}/1", "ffmpeg": {"user_agent": SECRET}},
]
WRONG = [  # refused before anything is opened
    {"url": f"rtsp://admin:a/{SECRET}@{NOWHERE}/1"},
    {"url": f"rtsp://{NOWHERE}/1", "password": SECRET},
    {"url": f"rtsp://{NOWHERE}/1", "user": "a", "password": [SECRET]},
    {"url": f"rtsp://{NOWHERE}/1", "ffmpeg": f"headers={SECRET}"},
    {"url": f"rtsp://{NOWHERE}/1", "ffmpeg": {"headers": [SECRET]}},
    {"url": f"rtsp://{NOWHERE}/1", f"rtsp://u:{SECRET}@cam": 1},
    {"url": f"rtsp:/admin:{SECRET}@{NOWHERE}/1", "max_age": f"rtsp://u:{SECRET}@cam"},
    {"url": f"ftp://admin:{SECRET}@{NOWHERE}/1"},
    {"url": f"admin:{SECRET}@{NOWHERE}/1"},
]


def everything_shown(folder: Path, source: dict[str, object], *options: str) -> tuple[int, str]:
    """Run with one source; return the exit code, and all that was printed and written."""
    config = folder / "run.yaml"
    one_attempt = {"reconnect": False} if "http://" not in str(source["url"])[:7] else {}
    outputs = [str(folder / "out" / "{stream}.jsonl")]
    config.write_text(yaml.safe_dump({"sources": [one_attempt | source], "outputs": outputs}))
    stats = folder / "out" / "stats.json"
    with patch.dict(os.environ, {"PW": f"p@h/{SECRET}:#?"}):
        words = ["--config", str(config), "--engine", "fake", "--stats-json", str(stats), *options]
        done = CliRunner().invoke(run, words)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    written = [f"{path} {path.read_text()}" for path in (folder / "out").glob("**/*")]
    return done.exit_code, "\n".join([done.output, *written])


@pytest.mark.parametrize("source", SOURCES)
def test_a_run_shows_no_password(tmp_path: Path, source: dict[str, object]) -> None:
    code, shown = everything_shown(tmp_path, source)
    assert code == 1, shown
    assert '"url"' in shown  # the report was written
    assert SECRET not in shown


@pytest.mark.parametrize("source", [*SOURCES, *WRONG])
def test_the_printed_configuration_shows_no_password(
    tmp_path: Path, source: dict[str, object]
) -> None:
    _, shown = everything_shown(tmp_path, source, "--print-config")
    assert shown
    assert SECRET not in shown


@pytest.mark.parametrize("source", WRONG)
def test_an_error_shows_no_password(tmp_path: Path, source: dict[str, object]) -> None:
    code, shown = everything_shown(tmp_path, source)
    assert code == 2
    assert shown.count("\n") == 1
    assert SECRET not in shown
