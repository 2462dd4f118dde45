"""JSON lines: appended, on the disk before they are acknowledged, and whole after a crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.delivery.jsonl import JsonLinesFile
from pipeline.delivery.message import Message, message_of
from pipeline.delivery.retries import Undelivered
from tests.support.cameras import CAP
from tests.support.deliveries import a_row, validator
from tests.support.paths import ROOT


def messages(first: int, last: int) -> list[Message]:
    return [message_of(a_row(number)) for number in range(first, last + 1)]


def deliver(file: JsonLinesFile, sent: list[Message]) -> list[Message]:
    done: list[Message] = []
    file.deliver(sent, done.append)
    return done


def fill(file: JsonLinesFile, groups: list[list[Message]], done: list[Message]) -> None:
    for group in groups:
        file.deliver(group, done.append)


def test_each_message_is_a_line_and_later_runs_append(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "events.jsonl"
    for first in (1, 4):
        file = JsonLinesFile(str(path), tmp_path)
        sent = messages(first, first + 2)
        assert deliver(file, sent) == sent
        file.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["sequence"] for line in lines] == [1, 2, 3, 4, 5, 6]
    for line in lines:
        validator("envelope").validate(line)


@pytest.mark.parametrize("half", [b'{"half": ', b"x" * 200_000])
def test_half_a_line_that_a_crash_left_is_removed(half: bytes, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"whole": 1}\n' + half)
    file = JsonLinesFile(str(path), tmp_path)
    (sent,) = messages(1, 1)
    deliver(file, [sent])
    file.close()
    assert path.read_bytes() == b'{"whole": 1}\n' + sent.body + b"\n"


def test_a_file_of_half_a_line_only_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"half")
    file = JsonLinesFile(str(path), tmp_path)
    (sent,) = messages(1, 1)
    deliver(file, [sent])
    file.close()
    assert path.read_bytes() == sent.body + b"\n"


def test_a_second_run_is_refused_the_file(tmp_path: Path) -> None:
    path = str(tmp_path / "events.jsonl")
    first, second = JsonLinesFile(path, tmp_path), JsonLinesFile(path, tmp_path)
    deliver(first, messages(1, 1))
    with pytest.raises(Undelivered, match="another run is writing it"):
        deliver(second, messages(2, 2))
    first.close()
    assert len(deliver(second, messages(2, 2))) == 1
    second.close()


def test_a_file_that_was_rotated_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    file = JsonLinesFile(str(path), tmp_path)
    deliver(file, messages(1, 2))
    path.rename(tmp_path / "events.1")
    deliver(file, messages(3, 3))
    file.close()
    assert len(path.read_text().splitlines()) == 1
    assert len((tmp_path / "events.1").read_text().splitlines()) == 2


def test_a_full_disk_is_a_failure_that_leaves_whole_lines(disk: Path) -> None:
    path = disk / "events.jsonl"
    file = JsonLinesFile(str(path), disk)
    delivered: list[Message] = []
    many = [messages(first, first + 49) for first in range(1, 5000, 50)]
    with pytest.raises(Undelivered, match="No space left"):
        fill(file, many, delivered)
    assert len(delivered) > 100
    assert path.read_bytes() == b"".join(each.body + b"\n" for each in delivered)
    with pytest.raises(Undelivered, match="No space left"):  # also when it is opened again
        fill(file, many, delivered)
    file.close()
    for line in path.read_bytes().splitlines():
        json.loads(line)


def test_a_folder_in_its_place_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    file = JsonLinesFile(str(tmp_path), tmp_path)
    with pytest.raises(Undelivered, match="cannot be written: Is a directory"):
        deliver(file, messages(1, 1))


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from pipeline.delivery.jsonl import JsonLinesFile\n"
        "from pipeline.delivery.message import message_of\n"
        "from tests.support.deliveries import a_row\n"
        "file = JsonLinesFile(sys.argv[1], Path())\n"
        "for number in range(1, 10**6):\n"
        "    file.deliver([message_of(a_row(number))], lambda m: print(m.row, flush=True))\n"
    )
    path = tmp_path / "events.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdout
        for line in child.stdout:
            if int(line) == 50:
                break
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read().split()
        child.wait(CAP)
    acknowledged = int(rest[-1]) if rest else 50
    file = JsonLinesFile(str(path), tmp_path)
    deliver(file, messages(10**7, 10**7))
    file.close()
    sequences = [json.loads(line)["sequence"] for line in path.read_text().splitlines()]
    assert sequences[:acknowledged] == list(range(1, acknowledged + 1))
    assert sequences[-1] == 10**7
