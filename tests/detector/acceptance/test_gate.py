"""An engine passes the gate if it finds what its reference finds; one that drifts is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detector.acceptance.gate import (
    AcceptedEngine,
    EngineRefused,
    compare_engines,
    open_accepted,
    open_reference,
)
from detector.acceptance.sample_images import BUNDLED, read_images
from detector.cache import CacheKey, cache_folder
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines import Engine, fake
from detector.export.onnx_export import export_model
from detector.manifest import Manifest, manifest_path
from detector.tolerance import Tolerance
from detector.weights.zoo import find_model
from tests.support.random_network import random_network

SIZE = (96, 160)
KEY = CacheKey("a" * 64, "scripted", "1", "nowhere", "fp16", "1 x 96 x 160 x 3")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model."""
    path = tmp_path_factory.mktemp("gate") / "small.onnx"
    network = random_network("yolov7-tiny", read_images(BUNDLED, SIZE, 4), classes=3, width=0.125)
    export_model(network.weights(), path, class_names=("a", "b", "c"), size=SIZE)
    return path


@pytest.fixture
def model(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small model, and a cache without verdicts."""
    monkeypatch.setenv("FRAMELANE_CACHE", str(tmp_path / "cache"))
    copy = tmp_path / "small.onnx"
    copy.write_bytes(exported.read_bytes())
    manifest_path(copy).write_bytes(manifest_path(exported).read_bytes())
    return copy


class Script:
    """Answers as the reference does, changed by `change`; counts the images."""

    def __init__(self, reference: Engine) -> None:
        self.reference = reference
        self.images = 0
        self.change: Callable[[Candidates], Candidates] = lambda found: found

    def __call__(self, images: UInt8Array) -> Candidates:
        self.images += len(images)
        found = [self.reference.submit(image[None]).result() for image in images]
        return self.change(
            Candidates(
                np.concatenate([one.boxes_xyxy for one in found]),
                np.concatenate([one.scores for one in found]),
            )
        )


@pytest.fixture
def script(model: Path) -> Iterator[Script]:
    with closing(open_reference(model)) as reference:
        yield Script(reference)


def open_scripted(
    model: Path, script: Script, key: CacheKey = KEY, **options: Any
) -> AcceptedEngine:
    return open_accepted("fake", model, answer=script, key=key, **options)


def move(pixels: float) -> Callable[[Candidates], Candidates]:
    return lambda found: Candidates(found.boxes_xyxy + np.float32(pixels), found.scores)


def test_an_engine_that_finds_the_same_passes_and_is_not_compared_again(
    model: Path, script: Script
) -> None:
    first = open_scripted(model, script)
    assert first.agreement is not None and first.agreement.share == 1
    compared_on = script.images
    assert compared_on == 4  # the bundled images
    second = open_scripted(model, script)
    assert script.images == compared_on
    assert second.agreement == first.agreement


def test_an_engine_that_drifts_is_refused_with_the_numbers_every_time(
    model: Path, script: Script
) -> None:
    script.change = move(1.25)
    for _ in range(2):
        with pytest.raises(EngineRefused) as refused:
            open_scripted(model, script)
    message = str(refused.value)
    assert "scripted 1 in fp16 on nowhere is refused" in message and "0.0% of " in message
    assert "within 1 pixels and 0.005 of score, but at least 95.0% must" in message
    assert "boxes differ by up to 1.25 pixels, scores by up to 0.000" in message
    script.change = move(0.75)
    assert open_scripted(model, script).agreement is not None


def test_a_refused_engine_is_closed(
    model: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    def close(engine: fake.FakeEngine) -> None:
        closed.append(engine)

    monkeypatch.setattr(fake.FakeEngine, "close", close)
    script.change = move(9)
    with pytest.raises(EngineRefused):
        open_scripted(model, script)
    assert len(closed) == 1


def test_the_tolerance_of_the_manifest_applies_and_a_stricter_one_is_compared_again(
    model: Path, script: Script
) -> None:
    script.change = move(0.75)
    open_scripted(model, script)
    strict = {"fp16": Tolerance(pixels=0.5, score=0.005, share=0.9)}
    replace(Manifest.beside(model), tolerance=strict).write(manifest_path(model))
    with pytest.raises(EngineRefused, match=r"within 0\.5 pixels"):
        open_scripted(model, script)


@pytest.mark.parametrize("changed", ["model_sha256", "version", "device", "runtime"])
def test_another_engine_has_its_own_verdict(changed: str, model: Path, script: Script) -> None:
    open_scripted(model, script)
    script.change = move(9)
    with pytest.raises(EngineRefused):
        open_scripted(model, script, replace(KEY, **{changed: "another"}))  # type: ignore[arg-type]


def test_a_truncated_verdict_is_ignored(model: Path, script: Script) -> None:
    open_scripted(model, script)
    (verdict,) = (cache_folder() / "verdicts").glob("*.engine")
    verdict.write_bytes(verdict.read_bytes()[:-5])
    script.change = move(9)
    with pytest.raises(EngineRefused):
        open_scripted(model, script)


def test_images_of_the_user_are_compared_on_despite_a_cached_verdict(
    model: Path, script: Script, tmp_path: Path
) -> None:
    open_scripted(model, script)
    noise = np.random.default_rng(0).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), noise)
    before = script.images
    open_scripted(model, script, images=tmp_path / "noise.png")
    assert script.images == before + 1


def test_swapped_colours_are_detected(model: Path, script: Script) -> None:
    swapped = Script(script.reference)

    def answer(images: UInt8Array) -> Candidates:
        return swapped(np.ascontiguousarray(images[..., ::-1]))

    with pytest.raises(EngineRefused):
        open_accepted("fake", model, answer=answer, key=KEY)


def test_scores_of_another_class_are_detected(model: Path, script: Script) -> None:
    script.change = lambda found: Candidates(
        found.boxes_xyxy, np.ascontiguousarray(np.roll(found.scores, 1, axis=2))
    )
    with pytest.raises(EngineRefused):
        open_scripted(model, script)


def test_an_engine_that_returns_zeros_or_nan_is_refused(model: Path, script: Script) -> None:
    for value, message in ((0, r"0\.0% of"), (np.nan, "there is no detection to compare")):
        script.change = lambda found, value=value: Candidates(  # type: ignore[misc]
            np.full_like(found.boxes_xyxy, value), np.full_like(found.scores, value)
        )
        with pytest.raises(EngineRefused, match=message):
            open_scripted(model, script)


def test_an_engine_without_a_reference_passes(model: Path) -> None:
    assert open_accepted("fake", model).agreement is None
    reference = open_accepted("openvino", model, precision="fp32", threads=1)
    assert reference.agreement is None
    reference.engine.close()


def test_a_fixed_batch_is_padded(model: Path, script: Script) -> None:
    three = replace(Manifest.beside(model), max_batch=3, dynamic_batch=False)
    images = read_images(BUNDLED, SIZE, 4)
    engine = fake.FakeEngine(three, answer=script)
    agreement = compare_engines(script.reference, engine, images, three.tolerance_of("fp32"))
    assert agreement.share == 1 and script.images == 6


def test_the_bundled_model_passes_in_bf16(data: Path) -> None:
    from detector.hardware.openvino_core import CORE

    if "BF16" not in CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU does not compute in bf16")
    clip = data / "street/videos/person-bicycle-car-detection.mp4"
    accepted = open_accepted(
        "openvino", find_model("street"), images=clip, precision="bf16", threads=1
    )
    assert accepted.agreement is not None and accepted.agreement.share == 1
    assert accepted.engine.precision == "bf16"
    accepted.engine.close()
