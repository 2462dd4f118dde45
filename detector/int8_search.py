"""Which layers INT8 has to spare: found by what each one, quantised alone, does to detections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from detector.agreement import Agreement, compare
from detector.detections import UInt8Array
from detector.errors import ModelError
from detector.int8_openvino import Int8Maker
from detector.tolerance import Tolerance

MOST_LEFT = 0.5  # share of the layers: with fewer in INT8 it is hardly faster than bf16

Progress = Callable[[float, str], None]  # told the share that is done, 0..1, and of what


@dataclass(frozen=True, slots=True)
class Search:
    """Which layers are to stay in floating point.

    float_layers: the most sensitive first
    agreement: of the model with all others in INT8, with the float model
    """

    float_layers: tuple[str, ...]
    agreement: Agreement


def find_float_layers(
    maker: Int8Maker,
    calibration: UInt8Array,
    pictures: UInt8Array,
    tolerance: Tolerance,
    progress: Progress,
    *,
    at_least: int = 0,
) -> Search:
    """Return the fewest layers with which the INT8 model agrees with the float one.

    calibration: pictures to measure ranges on; pictures: others, to compare on
    at_least: so many stay in floating point, whether that is needed or not
    Layers are ranked by the mean distance of detections where only they are quantised. Raises
    ModelError if half of them are not enough.
    """
    progress(0.0, "calibrating")
    quantised = maker.quantised(calibration)
    reference = maker.run(maker.floats, pictures)

    def agreement_of(layers: set[str]) -> Agreement:
        found = maker.run(maker.restricted(quantised, layers), pictures)
        return compare(reference, found, tolerance)

    every = set(maker.layers)
    agreement = agreement_of(every)
    if at_least == 0 and agreement.share >= tolerance.share:
        return Search((), agreement)
    distances = {}
    for number, layer in enumerate(maker.layers):
        progress(number / len(maker.layers), f"sensitivity of {layer}")
        distances[layer] = agreement_of({layer}).distance
    ranked = sorted(maker.layers, key=lambda layer: -distances[layer])
    for count in _counts(max(at_least, 1), int(MOST_LEFT * len(ranked))):
        agreement = agreement_of(every - set(ranked[:count]))
        progress(1.0, f"{count} layers in floating point: {agreement.share:.1%} agree")
        if agreement.share >= tolerance.share:
            return Search(tuple(ranked[:count]), agreement)
    raise ModelError(
        f"INT8 drifts: even with half of its {len(ranked)} layers in floating point "
        f"{agreement.share:.1%} of the detections agree, {tolerance.share:.1%} must; give more "
        "pictures, of what the model is to see"
    )


def _counts(first: int, most: int) -> Iterator[int]:
    """Yield how many layers to try: one by one, then in steps of a quarter."""
    count = first
    while count <= most:
        yield count
        count += max(1, count // 4)
