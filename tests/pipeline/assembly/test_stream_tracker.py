"""The `tracker:` section of a run reaches the tracker, under its old option names, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detector.errors import UsageError
from detector.renamed import RenamedWarning
from pipeline.assembly.run import build
from pipeline.config import RunConfig


def config(folder: Path, tracker: dict[str, Any]) -> RunConfig:
    """Return a run with this tracker that detects nothing."""
    return RunConfig.model_validate(
        {
            "sources": ["synthetic"],
            "model": {"engine": "fake"},
            "tracker": tracker,
            "outputs": [str(folder / "{stream}.txt")],
        }
    )


def test_an_old_option_name_works_and_warns_with_the_new_one(tmp_path: Path) -> None:
    with pytest.warns(RenamedWarning, match="tracker: least_score is called min_score now"):
        build(config(tmp_path, {"name": "sort", "least_score": 0.4}))


def test_the_value_of_an_old_option_reaches_the_tracker(tmp_path: Path) -> None:
    with pytest.warns(RenamedWarning), pytest.raises(UsageError, match=r"^min_score 1\.5"):
        build(config(tmp_path, {"name": "sort", "least_score": 1.5}))
