"""What a model promises: the manifest `name.json` that lies beside its file `name.onnx`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from detector.acceptance.tolerance import Tolerance, usual_tolerances
from detector.atomic_write import replacing
from detector.detections import UInt8Array
from detector.errors import ModelError

PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contract of a model (docs/architecture.md, the model contract).

    classes: names, in the order of the scores
    input_size: (height, width) in pixels of the letterboxed pictures
    strides: pixels per cell of each head's grid; input sides are multiples of the largest
    precision: of the file: fp32, fp16 or int8
    max_batch: pictures in one batch: at most so many if dynamic_batch, else exactly so many
    top_k: rows that the graph returns per picture, the best ones
    pad_value: 0..255, of the letterbox's border
    onnx_sha256: of the ONNX file, or of both files of an OpenVINO IR; weights_sha256: of the
        weights it was made from, None for random ones
    tools: name -> version of what wrote it
    accuracy: metric -> value, measured when it was made; empty if it was not
    nms_iou: overlap above which two boxes of one class are one object: the pipeline's default
    source_sha256: of the ONNX file that it was made from, None if it came from weights
    float_layers: of an INT8 model, the layers that were left in floating point for their
        sensitivity; those of the head always are
    tolerance: precision -> how far an engine may be from this model's reference, where it is not
        the usual
    """

    classes: tuple[str, ...]
    input_size: tuple[int, int]
    strides: tuple[int, ...]
    precision: str
    max_batch: int
    dynamic_batch: bool
    top_k: int
    pad_value: int
    onnx_sha256: str
    weights_sha256: str | None
    tools: Mapping[str, str] = field(default_factory=dict)
    accuracy: Mapping[str, float] = field(default_factory=dict)
    nms_iou: float = 0.45
    source_sha256: str | None = None
    float_layers: tuple[str, ...] = ()
    tolerance: Mapping[str, Tolerance] = field(default_factory=dict)

    @classmethod
    def beside(cls, model: Path) -> Manifest:
        """Read the manifest of a model. Raises ModelError if either is missing or wrong."""
        if not model.is_file():
            raise ModelError(f"no model '{model}': give the path of an exported .onnx file")
        path = manifest_path(model)
        if not path.is_file():
            raise ModelError(
                f"'{model}' has no manifest '{path.name}' beside it: "
                "export it with `python -m detector export`"
            )
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest, strictly. Raises ModelError for a wrong key or value."""
        try:
            values = json.loads(path.read_bytes())
        except ValueError as error:
            raise ModelError(f"manifest '{path}' is not JSON: {error}") from error
        if not isinstance(values, dict):
            raise ModelError(f"manifest '{path}' must be a JSON object")
        _check_keys(path, set(values))
        for key, value in values.items():
            accepted, is_accepted = _ACCEPTED[key]
            if not is_accepted(value):
                raise ModelError(f"manifest '{path}': {key} is {value!r}, must be {accepted}")
        tuples = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
        held_to = values.get("tolerance", {})
        tolerance = {precision: Tolerance(**given) for precision, given in held_to.items()}
        return cls(**{**values, **tuples, "tolerance": tolerance})

    def write(self, path: Path) -> None:
        """Write the manifest, whole or not at all."""
        with replacing(path) as written:
            written.write_text(json.dumps(asdict(self), indent=2) + "\n")

    def verify(self, model: Path) -> None:
        """Raise ModelError unless `model` is the very file that this manifest describes."""
        found = model_sha256(model)
        if found != self.onnx_sha256:
            raise ModelError(
                f"'{model}' is not the file its manifest describes (sha256 {found[:12]}..., "
                f"expected {self.onnx_sha256[:12]}...): export or download both again"
            )

    def tolerance_of(self, precision: str) -> Tolerance:
        """Return how far an engine may be off that computes in `precision`."""
        return self.tolerance.get(precision) or usual_tolerances(self.input_size)[precision]

    def check_images(self, images: UInt8Array) -> None:
        """Raise ModelError unless `images` is a batch that the model takes."""
        height, width = self.input_size
        least = 1 if self.dynamic_batch else self.max_batch
        n = len(images) if images.ndim == 4 else 0
        if (
            images.dtype.name != "uint8"
            or images.shape[1:] != (height, width, 3)
            or not least <= n <= self.max_batch
        ):
            counts = f"{least} to {self.max_batch}" if self.dynamic_batch else str(least)
            raise ModelError(
                f"the model takes uint8 images (n, {height}, {width}, 3) with n {counts}, "
                f"not {images.dtype} {images.shape}"
            )


def manifest_path(model: Path) -> Path:
    """Return where the manifest of a model lies."""
    return model.with_suffix(".json")


def model_sha256(model: Path) -> str:
    """Return the SHA-256 of a model: of an ONNX file, or of an OpenVINO IR, .xml and then .bin.

    Raises ModelError if one of the two is missing.
    """
    weights = model.with_suffix(".bin")
    if model.suffix == ".xml" and not weights.is_file():
        raise ModelError(f"'{model}' has no '{weights.name}' beside it, where its weights are")
    return sha256_of(model, weights) if model.suffix == ".xml" else sha256_of(model)


def sha256_of(*paths: Path) -> str:
    """Return the SHA-256 of a file, or of several put together, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _check_keys(path: Path, given: set[str]) -> None:
    known = {entry.name for entry in fields(Manifest)}
    needed = {e.name for e in fields(Manifest) if e.default is e.default_factory is MISSING}
    wrong = [f"{key} is missing" for key in sorted(needed - given)]
    wrong += [f"{key} is not known" for key in sorted(given - known)]
    if wrong:
        raise ModelError(f"manifest '{path}': {', '.join(wrong)}: export the model again")


def _is_count(value: Any) -> bool:
    return type(value) is int and value > 0  # a bool is an int, but no count


def _is_list(value: Any, is_item: Callable[[Any], bool], length: int | None = None) -> bool:
    if not isinstance(value, list) or not value or not all(map(is_item, value)):
        return False
    return length is None or len(value) == length


def _is_mapping(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, dict) and all(type(item) in kinds for item in value.values())


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_tolerance(value: Any) -> bool:
    return _is_mapping(value, (float, int)) and set(value) == {"pixels", "score", "share"}


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


_ACCEPTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "classes": ("a list of names", lambda v: _is_list(v, _is_text)),
    "input_size": ("[height, width] in pixels", lambda v: _is_list(v, _is_count, 2)),
    "strides": ("a list of pixels", lambda v: _is_list(v, _is_count)),
    "precision": (f"one of {', '.join(PRECISIONS)}", lambda v: v in PRECISIONS),
    "max_batch": ("a number from 1", _is_count),
    "dynamic_batch": ("true or false", lambda v: isinstance(v, bool)),
    "top_k": ("a number from 1", _is_count),
    "pad_value": ("a number from 0 to 255", lambda v: type(v) is int and 0 <= v <= 255),
    "onnx_sha256": ("64 hexadecimal digits", _is_sha256),
    "weights_sha256": ("64 hexadecimal digits or null", lambda v: v is None or _is_sha256(v)),
    "tools": ("names with versions", lambda v: _is_mapping(v, (str,))),
    "accuracy": ("names with numbers", lambda v: _is_mapping(v, (float, int))),
    "nms_iou": ("a number from 0 to 1", lambda v: type(v) in (float, int) and 0 <= v <= 1),
    "source_sha256": ("64 hexadecimal digits or null", lambda v: v is None or _is_sha256(v)),
    "float_layers": ("a list of names", lambda v: v == [] or _is_list(v, _is_text)),
    "tolerance": (
        "precisions with pixels, score and share",
        lambda v: _is_mapping(v, (dict,)) and all(map(_is_tolerance, v.values())),
    ),
}
