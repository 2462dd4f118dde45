"""Workers share the cores, and a configuration keeps the threads that it names itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import RunConfig, options_of
from pipeline.library.cores import default_workers, shares, with_threads


@pytest.mark.parametrize(
    ("cores", "workers", "expected"),
    [(2, 2, [1, 1]), (8, 3, [3, 3, 2]), (2, 4, [1, 1, 1, 1]), (64, 1, [64])],
)
def test_all_cores_are_divided(cores: int, workers: int, expected: list[int]) -> None:
    assert shares(cores, workers) == expected


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 1), (3, 1), (4, 2)])
def test_by_default_two_cores_have_one_worker(
    cores: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.library.cores.core_count", lambda: cores)
    assert default_workers() == workers


def test_engine_and_encoder_get_the_share_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    def threads(config: dict[str, object], share: int) -> tuple[object, list[object]]:
        outputs = ["a.mp4", {"url": "b.mkv", "threads": 5}, "c.jsonl"]
        divided = with_threads(
            RunConfig.model_validate({"sources": ["x"], "outputs": outputs} | config), share
        )
        model = options_of(divided.model).get("threads")
        return model, [options_of(output).get("threads") for output in divided.outputs]

    assert threads({}, 4) == (4, [2, 5, None])
    assert threads({}, 1) == (1, [1, 5, None])
    assert threads({"model": {"name": "street", "threads": 3}}, 1) == (3, [1, 5, None])
    assert threads({"model": {"engine": "fake"}}, 4) == (None, [2, 5, None])
