"""The manifest of a model: the file `name.json` beside `name.onnx` that describes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from detector.atomic_write import replacing
from detector.detections import UInt8Array
from detector.errors import ModelError
from detector.tolerance import Tolerance, usual_tolerances

MAX_SHOWN = 100  # characters of a wrong value in a message
PRECISIONS = ("fp32", "fp16", "int8")

# A description says what is accepted, for the error message
Count = Annotated[int, Field(gt=0, description="a number from 1")]
Name = Annotated[str, Field(min_length=1)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
SHA256 = "64 hexadecimal digits"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contract of a model (docs/architecture.md, the model contract).

    classes: names, in the order of the scores
    input_size: (height, width) of the letterboxed images, in pixels
    strides: pixels per cell of each head's grid; input sides are multiples of the largest
    precision: of the file: fp32, fp16 or int8
    max_batch: images per batch: at most this many if dynamic_batch, else exactly this many
    top_k: rows that the graph returns per image, the best ones
    pad_value: 0..255, of the letterbox's border
    onnx_sha256: of the ONNX file, or of both files of an OpenVINO IR
    weights_sha256: of the weights that were exported, None for random ones
    tools: name -> version of the software that wrote the model
    accuracy: metric -> value, measured when the model was made; empty if it was not measured
    nms_iou: overlap above which two boxes of one class are one object: the pipeline's default
    source_sha256: of the ONNX file that the model was made from, None if it came from weights
    float_layers: layers of an INT8 model that stay in floating point because they are sensitive;
        those of the head always do
    score_odds: the odds of an INT8 model's scores are multiplied by this, in its graph, because
        rounding lowers them
    tolerance: precision -> how far an engine may differ from this model's reference, for
        precisions where `usual_tolerances` does not apply
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")

    classes: Annotated[tuple[Name, ...], Field(min_length=1, description="a list of names")]
    input_size: Annotated[tuple[Count, Count], Field(description="[height, width] in pixels")]
    strides: Annotated[tuple[Count, ...], Field(min_length=1, description="a list of pixels")]
    precision: Annotated[
        str,
        Field(pattern=f"^({'|'.join(PRECISIONS)})$", description=f"one of {', '.join(PRECISIONS)}"),
    ]
    max_batch: Count
    dynamic_batch: Annotated[bool, Field(description="true or false")]
    top_k: Count
    pad_value: Annotated[int, Field(ge=0, le=255, description="a number from 0 to 255")]
    onnx_sha256: Annotated[Sha256, Field(description=SHA256)]
    weights_sha256: Annotated[Sha256 | None, Field(description=f"{SHA256} or null")]
    tools: Annotated[Mapping[str, str], Field(description="names with versions")] = field(
        default_factory=dict
    )
    accuracy: Annotated[Mapping[str, float], Field(description="names with numbers")] = field(
        default_factory=dict
    )
    nms_iou: Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")] = 0.45
    source_sha256: Annotated[Sha256 | None, Field(description=f"{SHA256} or null")] = None
    float_layers: Annotated[tuple[Name, ...], Field(description="a list of names")] = ()
    score_odds: Annotated[float, Field(gt=0, description="a number above 0")] = 1.0
    tolerance: Annotated[
        Mapping[str, Tolerance], Field(description="precisions with pixels, score and share")
    ] = field(default_factory=dict)

    @classmethod
    def beside(cls, model: Path) -> Manifest:
        """Read the manifest of a model. Raises ModelError if either file is missing or wrong."""
        if not model.is_file():
            raise ModelError(f"no model '{model}': give the path of an exported .onnx file")
        path = manifest_path(model)
        if not path.is_file():
            raise ModelError(
                f"'{model}' has no manifest '{path.name}' beside it: "
                "export it with `framelane models export`"
            )
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest, strictly. Raises ModelError for a wrong key or value."""
        content = path.read_bytes()
        try:
            return _adapter().validate_json(content)
        except ValidationError as error:
            raise ModelError(f"manifest '{path}': {_mistake(error, content)}") from error

    def write(self, path: Path) -> None:
        """Write the manifest, whole or not at all."""
        with replacing(path) as written:
            written.write_text(json.dumps(asdict(self), indent=2) + "\n")

    def verify(self, model: Path) -> None:
        """Raise ModelError unless `model` is the file that this manifest describes."""
        found = model_sha256(model)
        if found != self.onnx_sha256:
            raise ModelError(
                f"'{model}' is not the file its manifest describes (sha256 {found[:12]}..., "
                f"expected {self.onnx_sha256[:12]}...): export or download both again"
            )

    def tolerance_of(self, precision: str) -> Tolerance:
        """Return how far an engine that computes in `precision` may differ from the reference."""
        return self.tolerance.get(precision) or usual_tolerances(self.input_size)[precision]

    def check_images(self, images: UInt8Array) -> None:
        """Raise ModelError unless `images` is a batch that the model accepts."""
        height, width = self.input_size
        min_n = 1 if self.dynamic_batch else self.max_batch
        n = len(images) if images.ndim == 4 else 0
        if (
            images.dtype.name != "uint8"
            or images.shape[1:] != (height, width, 3)
            or not min_n <= n <= self.max_batch
        ):
            counts = f"{min_n} to {self.max_batch}" if self.dynamic_batch else str(min_n)
            raise ModelError(
                f"the model takes uint8 images (n, {height}, {width}, 3) with n {counts}, "
                f"not {images.dtype} {images.shape}"
            )


def manifest_path(model: Path) -> Path:
    """Return the path of a model's manifest."""
    return model.with_suffix(".json")


def model_sha256(model: Path) -> str:
    """Return the SHA-256 of an ONNX file, or of an OpenVINO IR: its .xml, then its .bin.

    Raises ModelError if one of the two is missing.
    """
    weights = model.with_suffix(".bin")
    if model.suffix == ".xml" and not weights.is_file():
        raise ModelError(f"'{model}' has no '{weights.name}' beside it, which has its weights")
    return sha256_of(model, weights) if model.suffix == ".xml" else sha256_of(model)


def sha256_of(*paths: Path) -> str:
    """Return the SHA-256 of a file, or of several joined, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


_WRONG_KEYS = {"missing": "is missing", "unexpected_keyword_argument": "is not known"}


@cache
def _adapter() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


def _mistake(error: ValidationError, content: bytes) -> str:
    """Return what is wrong: all keys that are, else the first value that is not accepted."""
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        return f"not JSON: {found[0]['msg']}"
    if not found[0]["loc"]:
        return "it must be a JSON object"
    top = sorted((each["type"], str(each["loc"][0])) for each in found if len(each["loc"]) == 1)
    wrong = [f"{_shown_key(key)} {_WRONG_KEYS[kind]}" for kind, key in top if kind in _WRONG_KEYS]
    if wrong:
        return f"{', '.join(wrong)}: export the model again"
    key = str(found[0]["loc"][0])
    accepted = _adapter().json_schema()["properties"][key]["description"]
    return f"{key} is {_shortened(repr(json.loads(content)[key]))}, must be {accepted}"


def _shown_key(key: str) -> str:
    """Return a key of the file for a message: as it is if it is a word, else quoted and escaped."""
    return _shortened(key if key.isidentifier() else repr(key))


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
