"""Find the layers that must stay in floating point: those that change detections most in INT8."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from detector.acceptance.agreement import Agreement, compare
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.errors import ModelError
from detector.progress import ProgressCallback
from detector.tolerance import Tolerance

MAX_FLOAT_SHARE = 0.5  # of the layers: beyond that INT8 is hardly faster than bf16


class Maker(Protocol):
    """Makes INT8 models of one float model, and runs them; see openvino_ir."""

    layers: tuple[str, ...]
    floats: Any

    def quantised(self, images: UInt8Array) -> Any:
        """Return the model in INT8, except for the head."""

    def restricted(self, quantised: Any, layers: Collection[str]) -> Any:
        """Return a copy with only `layers` in INT8."""

    def run(self, model: Any, images: UInt8Array) -> list[Candidates]:
        """Return the candidates of a model for each image."""


@dataclass(frozen=True, slots=True)
class Search:
    """A choice of layers that stay in floating point.

    float_layers: the most sensitive first
    agreement: of the resulting model with the float model
    model: the resulting openvino.Model, with all other layers in INT8
    """

    float_layers: tuple[str, ...]
    agreement: Agreement
    model: Any


def find_float_layers(
    maker: Maker,
    calibration: UInt8Array,
    images: UInt8Array,
    tolerance: Tolerance,
    progress: ProgressCallback,
) -> Search:
    """Return the fewest layers with which the INT8 model agrees with the float one.

    calibration: images to measure ranges on; images: other images, to compare on
    tolerance: of the final comparison, on a third set; here only half as many may disagree
    Layers are ranked by the mean distance of detections when only that layer is quantised. Raises
    ModelError if half of the layers are not enough.
    """
    wanted = (1 + tolerance.share) / 2
    progress(0.0, "calibrating")
    quantised = maker.quantised(calibration)
    reference = maker.run(maker.floats, images)

    def without(layers: Collection[str]) -> Search:
        model = maker.restricted(quantised, set(maker.layers).difference(layers))
        agreement = compare(reference, maker.run(model, images), tolerance)
        return Search(tuple(layers), agreement, model)

    found = without(())
    if found.agreement.share >= wanted:
        return found
    ranked = _by_sensitivity(maker.layers, without, progress)
    for count in _counts(int(MAX_FLOAT_SHARE * len(ranked))):
        found = without(ranked[:count])
        share = found.agreement.share
        progress(1.0, f"{count} layers in floating point: {share:.1%} agree")
        if share >= wanted:
            return found
    raise ModelError(
        f"INT8 drifts: even with half of its {len(ranked)} layers in floating point "
        f"{found.agreement.share:.1%} of the detections agree, but at least {wanted:.1%} must: "
        "give more images, like those the model will see"
    )


def _by_sensitivity(
    layers: Sequence[str], without: Callable[[Collection[str]], Search], progress: ProgressCallback
) -> list[str]:
    """Return the layers by how far each, alone in INT8, moves detections; worst first."""
    distances = {}
    for number, layer in enumerate(layers):
        progress(number / len(layers), f"sensitivity of {layer}")
        distances[layer] = without([other for other in layers if other != layer]).agreement.distance
    return sorted(layers, key=lambda layer: -distances[layer])


def _counts(max_count: int) -> Iterator[int]:
    """Yield the numbers of layers to try: one more each time, later a quarter more."""
    count = 1
    while count <= max_count:
        yield count
        count += max(1, count // 4)
