"""Which layers INT8 has to spare: found by what each one, quantised alone, does to detections."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from detector.acceptance.agreement import Agreement, compare
from detector.acceptance.tolerance import Tolerance
from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.errors import ModelError
from detector.progress import ProgressCallback

MOST_LEFT = 0.5  # share of the layers: with fewer in INT8 it is hardly faster than bf16


class Maker(Protocol):
    """Makes INT8 models of one float model, and runs them; see int8_openvino."""

    layers: tuple[str, ...]
    floats: Any

    def quantised(self, pictures: UInt8Array) -> Any:
        """Return the model with all in INT8 but the head."""

    def restricted(self, quantised: Any, layers: Collection[str]) -> Any:
        """Return it with only `layers` in INT8."""

    def run(self, model: Any, pictures: UInt8Array) -> list[Candidates]:
        """Return what a model finds in each picture."""


@dataclass(frozen=True, slots=True)
class Search:
    """Which layers are to stay in floating point.

    float_layers: the most sensitive first
    agreement: of the model with all others in INT8, with the float model
    model: that one, an openvino.Model
    """

    float_layers: tuple[str, ...]
    agreement: Agreement
    model: Any


def find_float_layers(
    maker: Maker,
    calibration: UInt8Array,
    pictures: UInt8Array,
    tolerance: Tolerance,
    progress: ProgressCallback,
) -> Search:
    """Return the fewest layers with which the INT8 model agrees with the float one.

    calibration: pictures to measure ranges on; pictures: others, to compare on
    tolerance: that it will be held to on yet others: here half as much may disagree
    Layers are ranked by the mean distance of detections where only they are quantised. Raises
    ModelError if half of them are not enough.
    """
    wanted = (1 + tolerance.share) / 2
    progress(0.0, "calibrating")
    quantised = maker.quantised(calibration)
    reference = maker.run(maker.floats, pictures)

    def without(layers: Collection[str]) -> Search:
        model = maker.restricted(quantised, set(maker.layers).difference(layers))
        agreement = compare(reference, maker.run(model, pictures), tolerance)
        return Search(tuple(layers), agreement, model)

    found = without(())
    if found.agreement.share >= wanted:
        return found
    ranked = _by_sensitivity(maker.layers, without, progress)
    for count in _counts(int(MOST_LEFT * len(ranked))):
        found = without(ranked[:count])
        share = found.agreement.share
        progress(1.0, f"{count} layers in floating point: {share:.1%} agree")
        if share >= wanted:
            return found
    raise ModelError(
        f"INT8 drifts: even with half of its {len(ranked)} layers in floating point "
        f"{found.agreement.share:.1%} of the detections agree, {wanted:.1%} must; give "
        "more pictures, of what the model is to see"
    )


def _by_sensitivity(
    layers: Sequence[str], without: Callable[[Collection[str]], Search], progress: ProgressCallback
) -> list[str]:
    """Return the layers by what each does to detections as the only one in INT8, worst first."""
    distances = {}
    for number, layer in enumerate(layers):
        progress(number / len(layers), f"sensitivity of {layer}")
        distances[layer] = without([other for other in layers if other != layer]).agreement.distance
    return sorted(layers, key=lambda layer: -distances[layer])


def _counts(most: int) -> Iterator[int]:
    """Yield how many layers to try: one by one, then in steps of a quarter."""
    count = 1
    while count <= most:
        yield count
        count += max(1, count // 4)
