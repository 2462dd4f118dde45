"""Output that cannot be written neither raises nor blocks; what others send forges no line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.terminal import UnfailingStream, printable, printable_lines
from tests.support.paths import ROOT


def test_control_characters_become_escapes() -> None:
    forged = "a\n2026-11-28 E forged \x1b]0;owned\x07 \u202eback \ud800"
    assert printable(forged) == (r"a\n2026-11-28 E forged \x1b]0;owned\x07 \u202eback \ud800")


@given(st.text())
def test_printable_text_is_one_line_of_characters_that_a_terminal_shows(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1 and "\x1b" not in shown
    shown.encode()  # no halves of characters


def test_further_lines_are_indented() -> None:
    assert printable_lines("one\ntwo\x1b") == "one\n    two\\x1b"


def test_a_reader_that_is_gone_raises_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        stream = UnfailingStream(pipe, 5.0)
        assert stream.write("nobody reads this\n") == 18


def test_a_reader_that_does_not_read_is_waited_for_once_and_told_what_is_missing() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as pipe:
        stream = UnfailingStream(pipe, 0.1)
        os.set_blocking(read, False)
        for _ in range(3000):  # 65,536 bytes fit into a pipe on Linux
            stream.write("a line of forty characters, all of them\n")
        os.read(read, 1 << 17)
        stream.write("after\n")
        said = os.read(read, 1 << 17).decode()
    os.close(read)
    assert "lines could not be written here)" in said and said.endswith("after\n")


def test_a_stream_that_the_process_lacks_takes_everything() -> None:
    assert UnfailingStream(None, 5.0).write("text") == 4


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_run_whose_log_is_on_a_full_disk_ends_well_and_writes_its_figures(
    tmp_path: os.PathLike[str],
) -> None:
    stats, output = os.path.join(tmp_path, "stats.json"), os.path.join(tmp_path, "out.jsonl")
    line = [sys.executable, "run_pipeline.py", "synthetic", "--engine", "fake"]
    options = ["--max-frames", "20", "--output", output, "--stats-json", stats]
    with open("/dev/full", "w") as full:
        ended = subprocess.run([*line, *options], cwd=ROOT, stdout=full, stderr=full, check=False)
    assert ended.returncode == 0 and os.path.getsize(stats)
    with open(output) as lines:
        assert len(lines.readlines()) == 20
