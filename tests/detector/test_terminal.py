"""Writing to standard output or error neither raises nor blocks, and forges no lines."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.terminal import UnfailingStream, printable, printable_lines
from tests.support.paths import ROOT


@given(st.text())
def test_printable_text_is_one_line_without_control_characters(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable() or not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)
    assert len(shown.splitlines()) <= 1
    shown.encode()  # no half characters
    assert printable(shown) == shown


@given(st.text())
def test_lines_after_the_first_cannot_pass_for_lines_of_the_log(text: str) -> None:
    first, *rest = printable_lines(text).splitlines() or [""]
    assert all(line.startswith("    ") for line in rest)
    assert "\x1b" not in first


def test_text_that_is_fit_to_print_stays_as_it_is() -> None:
    assert printable("Straße 7: 東京 [ok]") == "Straße 7: 東京 [ok]"
    assert printable("a\n\x1b]0;b\x07\ud800") == r"a\n\x1b]0;b\x07\ud800"


def test_a_full_device_takes_nothing_and_raises_nothing() -> None:
    with open("/dev/full", "w") as full:
        stream = UnfailingStream(full, patience=0.1)
        print("lost", file=stream)


def test_a_pipe_without_a_reader_raises_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        print("lost", file=UnfailingStream(pipe, patience=0.1))


def test_a_pipe_that_nobody_reads_does_not_block_and_says_later_what_is_missing() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as pipe, os.fdopen(reader, "r") as other_end:
        stream = UnfailingStream(pipe, patience=0.01)
        for _ in range(300):
            stream.write("x" * 999 + "\n")
        os.read(other_end.fileno(), 1 << 20)
        stream.write("again\n")
        text = os.read(other_end.fileno(), 1 << 20).decode()
    assert "lines could not be written here)\nagain\n" in text


def test_without_a_stream_nothing_is_written() -> None:
    stream = UnfailingStream(None, patience=0.1)
    print("nowhere", file=stream)
    assert not stream.isatty()


def test_a_stream_without_a_descriptor_gets_the_text() -> None:
    text = StringIO()
    print("here", file=UnfailingStream(text, patience=0.1))
    assert text.getvalue() == "here\n"


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_a_message_of_a_command_ends_it_with_its_own_code_wherever_it_goes(
    redirection: str,
) -> None:
    line = f"exec {sys.executable} {ROOT / 'run_pipeline.py'} no_such.mp4 --engine fake"
    done = subprocess.run(
        ["bash", "-c", f"{line} {redirection}"], cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 2
