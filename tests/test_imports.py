"""Imports point one way: between packages, and between the sub-packages of each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.paths import ROOT

ALLOWED: dict[str, set[str]] = {  # package -> the packages it may import
    "detector": set(),
    "trackers": {"detector"},
    "pipeline": {"detector", "trackers"},
    "trainer": {"detector"},
}
# modules of pipeline/ that put its sub-packages together; the other modules beside them serve the
# sub-packages, so they import none of them
COMPOSERS = {
    "build",
    "config",
    "event_services",
    "graph",
    "recount",
    "report",
    "run",
    "shown_config",
    "stream_names",
}


@cache
def modules(folder: str) -> dict[str, Path]:
    """Return the modules below a top-level folder, by dotted name."""
    paths = (path.relative_to(ROOT) for path in Path(ROOT, folder).rglob("*.py"))
    return {
        ".".join(path.with_suffix("").parts).removesuffix(".__init__"): Path(ROOT, path)
        for path in paths
    }


def imports(path: Path, known: set[str]) -> Iterator[str]:
    """Yield the modules among `known` that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level and node.module, f"{path}: a relative import"
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (member if member in known else node.module for member in members)


@cache
def edges(folder: str) -> set[tuple[str, str]]:
    """Return which module of a folder imports which module of ours."""
    known = {name for each in (*ALLOWED, "benchmarks", "tests") for name in modules(each)}
    return {
        (name, imported)
        for name, path in modules(folder).items()
        for imported in imports(path, known)
        if imported in known
    }


def sub_package(module: str) -> str | None:
    """Return the sub-package that a module is part of, None for one directly in its package."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and Path(ROOT, *parts[:2]).is_dir() else None


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_one_way(package: str) -> None:
    wrong = {
        (name, imported)
        for name, imported in edges(package)
        if imported.partition(".")[0] not in {package, *ALLOWED[package]}
    }
    assert not wrong


@pytest.mark.parametrize("package", ALLOWED)
def test_sub_packages_import_each_other_without_a_circle(package: str) -> None:
    imported_by: dict[str, set[str]] = {}
    for name, imported in edges(package):
        importer, other = sub_package(name), sub_package(imported)
        if importer and other and importer != other and imported.startswith(f"{package}."):
            imported_by.setdefault(importer, set()).add(other)
    TopologicalSorter(imported_by).prepare()  # raises CycleError, which names the circle


def test_modules_that_all_sub_packages_of_pipeline_use_import_none_of_them() -> None:
    wrong = {
        (name, imported)
        for name, imported in edges("pipeline")
        if not sub_package(name)
        and name.removeprefix("pipeline.") not in COMPOSERS
        and imported.startswith("pipeline.")
        and sub_package(imported)
    }
    assert not wrong


def test_only_the_tests_of_benchmarks_import_benchmarks() -> None:
    wrong = {
        (name, imported)
        for name, imported in edges("tests")
        if imported.startswith("benchmarks") and not name.startswith("tests.benchmarks")
    }
    assert not wrong


def test_benchmarks_import_only_the_support_of_tests() -> None:
    wrong = {
        (name, imported)
        for name, imported in edges("benchmarks")
        if imported.startswith("tests.") and not imported.startswith("tests.support")
    }
    assert not wrong


def test_sources_and_sinks_share_code_only_below_them() -> None:
    sides = {"sources", "sinks"}
    wrong = {
        (name, imported)
        for name, imported in edges("pipeline")
        if imported.startswith("pipeline.")
        and sub_package(name) in {*sides, "connections", "media"}
        and sub_package(imported) in sides - {sub_package(name)}
    }
    assert not wrong
