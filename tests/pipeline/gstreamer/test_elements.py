"""Whether GStreamer can decode here, and what to install."""

from __future__ import annotations

from pathlib import Path

from pipeline.gstreamer.elements import decoders, is_for_jetson, obstacle
from tests.support.gstreamer import require_decoder


def program(path: Path, prints: str) -> str:
    """Write a program that stands in for the system's Python; return its path."""
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)
    return str(path)


def test_what_is_missing_is_one_line_that_says_what_to_install(tmp_path: Path) -> None:
    for python in ("/no/python", program(tmp_path / "without", "null")):
        said = obstacle(python)
        assert said and said.startswith(f"{python} has no bindings of GStreamer: install the")
        assert "python3-gi" in said and "\n" not in said
    said = obstacle(program(tmp_path / "empty", '{"decoders": {"h264": []}, "encoders": []}'))
    assert said and "has no decoders: install the Debian packages" in said
    assert obstacle(program(tmp_path / "broken", "not JSON"))


def test_with_the_packages_there_is_no_obstacle() -> None:
    require_decoder()
    assert obstacle() is None
    found = decoders()
    assert found and {"h264", "hevc", "mjpeg"} <= {codec for codec in found if found[codec]}


def test_a_jetson_is_known_by_its_plugin(tmp_path: Path) -> None:
    assert not is_for_jetson(tmp_path / "plugin.so")
    (tmp_path / "plugin.so").touch()
    assert is_for_jetson(tmp_path / "plugin.so")
