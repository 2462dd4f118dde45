"""Tests mirror the code, folders stay small, and a name says which module is meant."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PACKAGES = ("detector", "trackers", "pipeline", "trainer")
WHOLE_REPOSITORY = {"docs", "extending", "imports", "layout", "package"}  # tests about all of it
LARGEST = 50  # modules that must have a test file of their own
MAX_MODULES = 20  # in a folder

TESTS = sorted(path.relative_to(ROOT / "tests") for path in ROOT.glob("tests/**/test_*.py"))


def modules(package: str) -> list[Path]:
    """Return the modules of a package, relative to the repository."""
    return sorted(path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py"))


def units(folder: Path) -> set[str]:
    """Return the names that a test of a folder can stand opposite: its modules and sub-folders."""
    paths = [path for path in (ROOT / folder).iterdir() if path.name != "__init__.py"]
    named = {path.stem for path in paths if path.suffix == ".py" or path.is_dir()}
    return {name.strip("_") for name in named}  # test_main.py stands opposite __main__.py


def is_about(test: Path, unit: str) -> bool:
    """Return whether test_X.py is about a unit: X is its name, or continues it after a `_`."""
    return f"{test.stem}_".startswith(f"test_{unit}_")


def opposite(module: Path) -> list[Path]:
    """Return the test files of a module, or of the sub-package that it is part of."""
    unit = module.stem.strip("_")
    return [
        test
        for test in TESTS
        if (test.parent == module.parent and is_about(test, unit))
        or (test.parent == module.parent.parent != Path() and is_about(test, module.parent.name))
    ]


def test_a_test_file_stands_opposite_a_module_or_a_folder() -> None:
    alone = [
        str(test)
        for test in TESTS
        if not any(is_about(test, unit) for unit in units(test.parent))
        and not (test.parent == Path() and test.stem.removeprefix("test_") in WHOLE_REPOSITORY)
    ]
    assert alone == []


def test_the_largest_modules_have_a_test_file() -> None:
    found = [path for package in PACKAGES for path in modules(package)]
    lines = {path: len((ROOT / path).read_bytes().splitlines()) for path in found}
    largest = sorted(found, key=lines.__getitem__, reverse=True)[:LARGEST]
    assert [str(path) for path in largest if not opposite(path)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_folder_holds_more_modules_than_a_reader_surveys(package: str) -> None:
    counts = Counter(path.parent for path in modules(package) if path.name != "__init__.py")
    assert {folder: count for folder, count in counts.items() if count > MAX_MODULES} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_folder_and_name_say_which_module_of_a_package_is_meant(package: str) -> None:
    named = [path for path in modules(package) if not path.name.startswith("__")]
    counts = Counter((path.parent.name, path.name) for path in named)
    assert {pair: count for pair, count in counts.items() if count > 1} == {}
