"""Fixtures for every test: where data is found, what is skipped, one thread for torch."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from detector.engines.tensorrt_api import TensorRt, load_tensorrt
from detector.errors import ModelError
from detector.hardware.cuda_driver import Gpu, find_gpus
from tests.support.disks import small_disk
from tests.support.environment import PASSWORD, absent
from tests.support.paths import ROOT, data_folder

# Torch's threads meet at every layer. With several tests on few cores they mostly wait for each
# other. Set before torch is imported; the programs that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("framelane", deadline=None)  # a busy machine fails no example
settings.load_profile("framelane")

_RESULTS = {".json", ".jsonl", ".log", ".txt"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that take longest first."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that leaks the password to the terminal, to the log or to a file it wrote."""
    report = yield
    texts = [content for _, content in report.sections]
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if folder is not None and report.when == "call":
        results = [path for path in folder.rglob("*") if path.suffix in _RESULTS]
        texts += [path.read_text(errors="replace") for path in results if path.is_file()]
    if report.passed and any(PASSWORD in text for text in texts):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} has leaked the password"
    return report


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real clips and data sets. Skips if absent; fails if REQUIRE_DATA=1."""
    folder = data_folder().resolve()
    if not folder.is_dir():
        absent(
            f"no data at {folder}: set FRAMELANE_DATA to the folder of test data", "REQUIRE_DATA"
        )
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests away from the user's cache: they read nothing there and leave nothing there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAMELANE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 kB. Skips if it cannot be mounted."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(small_disk(tmp_path / "disk", "600k"))
        except OSError as error:
            pytest.skip(str(error))
        yield folder


@pytest.fixture(scope="session")
def gpu() -> Gpu:
    """The first GPU. Skips without one; fails if REQUIRE_CUDA=1."""
    gpus = find_gpus()
    return gpus[0] if gpus else absent("no NVIDIA GPU here", "REQUIRE_CUDA")


@pytest.fixture(scope="session")
def tensorrt() -> TensorRt:
    """The installed TensorRT. Skips without one; fails if REQUIRE_TENSORRT=1."""
    try:
        return load_tensorrt()
    except ModelError as error:
        absent(str(error), "REQUIRE_TENSORRT")


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference numbers of the original networks and losses."""
    return Path(os.environ.get("REFERENCE_DIR", ROOT / "tests" / "reference"))
