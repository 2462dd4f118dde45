"""What holds for every command: errors are one line, exit codes are documented, help is quick."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from detector.cli import Command, Late, LateGroup, Size
from detector.errors import DownloadError, UsageError
from tests.support.paths import ROOT


@click.command(cls=Command, renamed={"--least": "--min", "--agnostic": "--rules=mot15"})
@click.option("--min", "minimum", type=float)
@click.option("--rules")
@click.option("--fail", type=click.Choice(["usage", "download"]))
def example(minimum: float | None, rules: str | None, fail: str | None) -> None:
    """Print the options, or fail."""
    if fail == "usage":
        raise UsageError("5 given: give 4")
    if fail == "download":
        raise DownloadError("the network is down")
    click.echo(f"{minimum} {rules}")


@pytest.mark.parametrize(
    ("kind", "code", "line"),
    [("usage", 2, "Error: 5 given: give 4\n"), ("download", 1, "Error: the network is down\n")],
)
def test_an_error_is_one_line_and_the_exit_code_is_its_own(kind: str, code: int, line: str) -> None:
    ended = CliRunner().invoke(example, ["--fail", kind])
    assert (ended.exit_code, ended.stderr, ended.stdout) == (code, line, "")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("given", "old", "new", "printed"),
    [
        (["--least", "0.5"], "--least", "--min", "0.5 None\n"),
        (["--least=0.5"], "--least", "--min", "0.5 None\n"),
        (["--agnostic"], "--agnostic", "--rules=mot15", "None mot15\n"),
    ],
)
def test_an_old_option_works_and_says_its_new_name(
    given: list[str], old: str, new: str, printed: str
) -> None:
    ended = CliRunner().invoke(example, given)
    assert (ended.exit_code, ended.stdout) == (0, printed)
    assert ended.stderr == (
        f"Warning: {old} is called {new} now; the old name works until the next release\n"
    )


def test_a_new_option_passes_without_a_word() -> None:
    ended = CliRunner().invoke(example, ["--min", "0.5"])
    assert (ended.stdout, ended.stderr) == ("0.5 None\n", "")


def test_old_options_are_not_in_the_help() -> None:
    assert "--least" not in CliRunner().invoke(example, ["-h"]).stdout


def test_a_group_lists_commands_that_cannot_be_imported() -> None:
    group = LateGroup(name="g", late={"gone": Late("no.such.module:gone", "Is not there.")})
    listed = CliRunner().invoke(group, ["--help"])
    assert listed.exit_code == 0 and "gone  Is not there." in listed.stdout
    unknown = CliRunner().invoke(group, ["other"])
    assert unknown.exit_code == 2 and "No such command 'other'" in unknown.stderr


@pytest.mark.parametrize(("given", "size"), [("640", (640, 640)), ("256x448", (256, 448))])
def test_a_size_is_height_by_width(given: str, size: tuple[int, int]) -> None:
    assert Size().convert(given, None, None) == size


SLOW = {"av", "cv2", "lap", "numpy", "onnx", "openvino", "pydantic", "rich", "torch", "yaml"}


@pytest.mark.parametrize(
    ("module", "command", "words"),
    [
        ("pipeline.commands.framelane", "main", ["--help"]),
        ("pipeline.commands.framelane", "main", ["run", "--help"]),
        ("pipeline.commands.framelane", "main", ["models", "--help"]),
        ("run_pipeline", "run", ["--help"]),
        ("detector.__main__", "main", ["--help"]),
        ("trainer.__main__", "main", ["--help"]),
    ],
)
def test_help_imports_nothing_slow(module: str, command: str, words: list[str]) -> None:
    code = (
        f"import sys; from {module} import {command} as command\n"
        f"try: command({words})\n"
        f"finally: print(sorted({SLOW} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--help" in ended.stdout and ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "words",
    [
        ["detector", "export", "--nonsense"],
        ["detector", "nonsense"],
        ["trainer", "train"],
        ["trackers", "evaluate", "--nonsense"],
    ],
)
@pytest.mark.parametrize("errors", ["2>/dev/full", "2>&-"])
def test_a_mistake_in_the_words_ends_with_2_although_nobody_can_be_told(
    words: list[str], errors: str
) -> None:
    line = f'"$0" -m "$@" {errors}'
    ended = subprocess.run(
        ["sh", "-c", line, sys.executable, *words], cwd=ROOT, capture_output=True, check=False
    )
    assert ended.returncode == 2, "a traceback would end with 1"
