"""Names lead to files, and wrong names to the right ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import ModelError
from detector.zoo import bundled_models, find_model


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """A folder of two bundled models, and one that is not finished."""
    folder = tmp_path / "models"
    for name in ("street", "harbour"):
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.onnx").touch()
    (folder / "empty").mkdir()
    (folder / "README.md").touch()
    return folder


def test_bundled_models_are_those_with_a_file(zoo: Path) -> None:
    assert list(bundled_models(zoo)) == ["harbour", "street"]


def test_a_bundled_name_leads_to_its_file(zoo: Path) -> None:
    assert find_model("street", zoo) == zoo / "street" / "street.onnx"


def test_a_path_leads_to_itself(zoo: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.touch()
    assert find_model(str(path), zoo) == path


def test_an_unknown_name_is_refused_with_the_nearest_known_one(zoo: Path) -> None:
    with pytest.raises(ModelError) as caught:
        find_model("steet", zoo)
    assert str(caught.value) == (
        "unknown model 'steet'; did you mean 'street'? "
        "accepted: harbour, street, or the path of an .onnx"
    )


def test_an_unlikely_name_is_refused_without_a_guess(zoo: Path) -> None:
    with pytest.raises(ModelError, match=r"^unknown model 'yolov7'; accepted: harbour, street"):
        find_model("yolov7", zoo)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.onnx", "no model '.*gone.onnx': give one of"),
        ("best.safetensors", "holds weights: make a model of it with `python -m detector export`"),
        ("notes.txt", "is not an exported model: give one of"),
        ("", "is not an exported model: give one of"),
    ],
)
def test_a_path_that_is_no_model_is_refused_with_what_to_do(
    name: str, message: str, zoo: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ModelError, match=message):
        find_model(str(tmp_path / name), zoo)


def test_where_nothing_is_bundled_a_path_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none is bundled; give the path of an \.onnx"):
        find_model("street", tmp_path)
