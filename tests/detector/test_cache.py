"""A cached file is complete and the one asked for; it is built once, or not at all."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detector.cache import CacheKey, cache_folder, cached_file
from detector.errors import ModelError
from tests.support.paths import ROOT

KEY = CacheKey(
    model_sha256="a" * 64,
    runtime="runtime",
    version="1.2",
    device="NVIDIA H200, SM90",
    precision="fp16",
    shapes="1-8 x 640 x 640 x 3",
    flags={"level": 3},
)
CAP = 30  # seconds a test waits at most for an event


class Builder:
    """Writes an engine whose content is the number of the build."""

    def __init__(self) -> None:
        self.builds = 0

    def __call__(self, path: Path) -> Mapping[str, Any]:
        self.builds += 1
        path.write_bytes(b"engine %d" % self.builds * 1000)
        return {"layers": 7}


def test_an_engine_is_built_once_and_found_afterwards(tmp_path: Path) -> None:
    build = Builder()
    first = cached_file(KEY, build, tmp_path)
    second = cached_file(KEY, build, tmp_path)
    assert (first.built, second.built, build.builds) == (True, False, 1)
    assert second.path.read_bytes() == b"engine 1" * 1000
    assert first.notes == second.notes == {"layers": 7}


def test_a_cached_engine_is_built_again_on_request(tmp_path: Path) -> None:
    build = Builder()
    cached_file(KEY, build, tmp_path)
    again = cached_file(KEY, build, tmp_path, rebuild=True)
    assert again.built and again.path.read_bytes() == b"engine 2" * 1000


def test_the_sidecar_says_how_the_engine_was_made(tmp_path: Path) -> None:
    engine = cached_file(KEY, Builder(), tmp_path).path
    made = json.loads(engine.with_suffix(".json").read_text())
    assert made["sha256"] == hashlib.sha256(b"engine 1" * 1000).hexdigest()
    assert made["key"]["device"] == "NVIDIA H200, SM90" and made["key"]["flags"] == {"level": 3}
    assert made["notes"] == {"layers": 7} and made["built_at"].endswith("+00:00")


@pytest.mark.parametrize(
    "changed",
    [
        {"model_sha256": "b" * 64},
        {"runtime": "other"},
        {"version": "1.2.1"},
        {"device": "NVIDIA H200, SM100"},
        {"precision": "int8"},
        {"shapes": "1-4 x 640 x 640 x 3"},
        {"flags": {"level": 4}},
        {"flags": {"level": "3"}},
        {"flags": {}},
    ],
    ids=str,
)
def test_every_difference_in_the_key_makes_another_engine(
    changed: dict[str, Any], tmp_path: Path
) -> None:
    build = Builder()
    cached_file(KEY, build, tmp_path)
    other = cached_file(replace(KEY, **changed), build, tmp_path)
    assert other.built and other.path.read_bytes() == b"engine 2" * 1000
    assert cached_file(KEY, build, tmp_path).path.read_bytes() == b"engine 1" * 1000


def test_the_order_of_flags_makes_no_difference(tmp_path: Path) -> None:
    build = Builder()
    cached_file(replace(KEY, flags={"a": 1, "b": 2}), build, tmp_path)
    assert not cached_file(replace(KEY, flags={"b": 2, "a": 1}), build, tmp_path).built


def truncate(engine: Path) -> None:
    engine.write_bytes(engine.read_bytes()[:-1])


def empty(engine: Path) -> None:
    engine.write_bytes(b"")


def change_a_byte(engine: Path) -> None:
    engine.write_bytes(b"E" + engine.read_bytes()[1:])


def lose_the_engine(engine: Path) -> None:
    engine.unlink()


def lose_the_sidecar(engine: Path) -> None:
    engine.with_suffix(".json").unlink()


def truncate_the_sidecar(engine: Path) -> None:
    sidecar = engine.with_suffix(".json")
    sidecar.write_bytes(sidecar.read_bytes()[:40])


def rename_from_another_version(engine: Path) -> None:
    older = cached_file(replace(KEY, version="1.1"), Builder(), engine.parent).path
    for ending in (".engine", ".json"):
        older.with_suffix(ending).replace(engine.with_suffix(ending))


def no_object(engine: Path) -> None:
    engine.with_suffix(".json").write_text("[]")


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        empty,
        change_a_byte,
        lose_the_engine,
        lose_the_sidecar,
        truncate_the_sidecar,
        rename_from_another_version,
        no_object,
    ],
)
def test_a_damaged_or_foreign_engine_is_built_again(damage: Any, tmp_path: Path) -> None:
    build = Builder()
    damage(cached_file(KEY, build, tmp_path).path)
    again = cached_file(KEY, build, tmp_path)
    assert again.built and again.path.read_bytes() == b"engine 2" * 1000
    assert not cached_file(KEY, build, tmp_path).built


def test_a_build_that_fails_leaves_nothing_behind_and_is_tried_again(tmp_path: Path) -> None:
    def fail(path: Path) -> Mapping[str, Any]:
        path.write_bytes(b"half an eng")
        raise ModelError("drifts")

    for _ in range(2):
        with pytest.raises(ModelError, match="drifts"):
            cached_file(KEY, fail, tmp_path)
    assert [entry.suffix for entry in tmp_path.iterdir()] == [".lock"]
    assert cached_file(KEY, Builder(), tmp_path).built


def test_a_build_that_fails_does_not_bring_back_the_damaged_engine(tmp_path: Path) -> None:
    def fail(_path: Path) -> Mapping[str, Any]:
        raise ModelError("drifts")

    engine = cached_file(KEY, Builder(), tmp_path).path
    truncate(engine)
    with pytest.raises(ModelError, match="drifts"):
        cached_file(KEY, fail, tmp_path)
    assert cached_file(KEY, Builder(), tmp_path).built


ASK = """
import sys, time
from pathlib import Path
from detector.cache import CacheKey, cached_file

folder, me = Path(sys.argv[1]), sys.argv[2]

def build(path):
    (folder / f"building-{me}").touch()
    while len(list(folder.glob("asking-*"))) < 2:
        time.sleep(0.01)
    path.write_text(me)
    return {}

(folder / f"asking-{me}").touch()
key = CacheKey("a" * 64, "runtime", "1", "device", "fp32", "1 x 64 x 64 x 3")
print(cached_file(key, build, folder / "engines").path.read_text())
"""


def ask(folder: Path, name: str) -> subprocess.Popen[str]:
    """Ask for an engine in another process; its build lasts until two have asked."""
    command = [sys.executable, "-c", ASK, str(folder), name]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_if_two_processes_ask_at_once_one_builds(tmp_path: Path) -> None:
    processes = [ask(tmp_path, name) for name in ("first", "second")]
    printed = [process.communicate(timeout=CAP)[0].strip() for process in processes]
    builders = [entry.name.partition("-")[2] for entry in tmp_path.glob("building-*")]
    assert len(builders) == 1
    assert printed == builders * 2


def test_a_killed_build_does_not_block_the_next(tmp_path: Path) -> None:
    killed = ask(tmp_path, "killed")
    while not (tmp_path / "building-killed").exists():
        assert killed.poll() is None
    killed.kill()
    killed.communicate(timeout=CAP)
    assert list(
        (tmp_path / "engines").glob(".*.engine.*")
    )  # the temporary file of the killed build
    printed = ask(tmp_path, "next").communicate(timeout=CAP)[0]
    assert printed.strip() == "next"
    assert not list((tmp_path / "engines").glob(".*.engine.*"))


def test_the_error_for_a_folder_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"cannot write to the cache .*file.*set FRAMELANE_CACHE"):
        cached_file(KEY, Builder(), tmp_path / "file" / "engines")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"FRAMELANE_CACHE": "/a"}, "/a"),
        ({"FRAMELANE_CACHE": "", "XDG_CACHE_HOME": "/b"}, "/b/framelane"),
        ({"XDG_CACHE_HOME": "", "HOME": "/c"}, "/c/.cache/framelane"),
    ],
)
def test_the_cache_folder_is_the_users_choice_or_the_standard_one(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FRAMELANE_CACHE", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)
