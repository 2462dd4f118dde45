"""INT8 models on labelled data: the loss of accuracy is measured, recorded and limited."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from detector.acceptance.gate import EngineRefused, open_reference
from detector.acceptance.sample_images import BUNDLED, read_images
from detector.detections import UInt8Array
from detector.export.precisions import int8_path
from detector.manifest import Manifest
from detector.nms import suppress
from tests.support.descriptions import small_model
from trainer.data.samples import Sample
from trainer.evaluation.evaluate import evaluate, open_model
from trainer.quantize import quantise_on

SIZE = (96, 160)


def ignore(_share: float, _what: str) -> None:
    """Ignore progress."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("labelled"), images())


def images() -> UInt8Array:
    seen = read_images(BUNDLED, SIZE, 4)
    return np.concatenate([seen, seen[:, :, ::-1], seen[:, ::-1], 255 - seen])


@pytest.fixture(scope="module")
def labelled(model: Path) -> list[Sample]:
    """Return images labelled with the float model's twenty best detections in each."""
    samples = []
    with closing(open_reference(model)) as engine:
        for number, image in enumerate(images()):
            rows = engine.submit(image[None]).result()
            found = suppress(rows.boxes_xyxy[0], rows.scores[0], confidence=0.25, iou=0.65)[
                np.arange(20)
            ]
            boxes = found.boxes_xyxy.clip(0, [SIZE[1], SIZE[0]] * 2).astype(np.float32)
            nothing = np.zeros((0, 4), np.float32)
            samples.append(Sample(image, boxes, found.class_ids, f"a/{number}.png", nothing))
    return samples


def test_a_model_that_loses_too_much_of_a_class_is_refused_and_no_file_is_kept(
    model: Path, labelled: list[Sample]
) -> None:
    before = sorted(model.parent.iterdir())
    with pytest.raises(
        EngineRefused, match=r"may lose 0 of AP50, but AP50 changed: a 0\.\d+ -> 0\.\d+, "
    ):
        quantise_on(model, labelled, labelled, 0.0, ignore)
    assert sorted(model.parent.iterdir()) == before


def test_manifests_have_the_accuracy_before_and_after(model: Path, labelled: list[Sample]) -> None:
    made = quantise_on(model, labelled, labelled, 1.0, ignore)
    assert [one.path for one in made] == [
        int8_path(model, runtime) for runtime in ("openvino", "tensorrt")
    ]
    with open_model(model) as opened:
        floats = evaluate(opened, labelled).numbers
    for one in made:
        told = Manifest.beside(one.path).accuracy
        assert {name: told[f"float/{name}"] for name in floats} == pytest.approx(floats)
        with open_model(one.path) as opened:
            assert told["ap50"] == pytest.approx(evaluate(opened, labelled).numbers["ap50"])
        assert 0.5 < told["ap50"] != told["float/ap50"]
        assert told["agreement/detections"] > 0
