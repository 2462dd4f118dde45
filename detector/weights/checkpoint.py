"""Weights files: safetensors, whose header says how to rebuild the network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from detector.atomic_write import replacing
from detector.errors import ModelError
from detector.yolov7.description import FORMS, Form, read_description
from detector.yolov7.weights import Array, NetworkWeights, WrongWeights

FORMAT = "framelane-weights-1"


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """The header of a weights file.

    variant: name of the network's YAML; width: factor on its channels
    size: (height, width) of the images it was trained on, in pixels
    notes: other information: the recipe, the data, the accuracy
    form: of the network; older files do not name it and have the training form
    """

    variant: str
    class_names: tuple[str, ...]
    width: float
    size: tuple[int, int]
    notes: Mapping[str, str] = field(default_factory=dict)
    form: Form = "training"


def write_weights(
    network: NetworkWeights,
    path: Path,
    *,
    class_names: Sequence[str],
    size: tuple[int, int],
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write the weights of a network, completely or not at all."""
    assert len(class_names) == network.classes, (len(class_names), network.classes)
    arrays = {name: np.asarray(array, order="C") for name, array in network.arrays.items()}
    described = {
        "format": FORMAT,
        "variant": network.name,
        "form": network.description.form,
        "class_names": list(class_names),
        "width": network.width,
        "size": list(size),
        "notes": dict(notes or {}),
    }
    with replacing(path) as written:
        save_file(arrays, written, metadata={"framelane": json.dumps(described)})


def read_weights(path: Path) -> tuple[NetworkWeights, WeightsInfo]:
    """Return the weights and the header of a file.

    Raises ModelError if the file is missing or was not written by `write_weights`.
    """
    if not path.is_file():
        raise ModelError(f"no weights file '{path}': give the path of a .safetensors file")
    try:
        with safe_open(path, framework="np") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ModelError(
            f"'{path}' is not a safetensors file, or it is damaged: {error}: give a .safetensors "
            "file that a training wrote"
        ) from error
    info = _info(path, header)
    return _network(path, info, arrays), info


def _info(path: Path, header: Mapping[str, str]) -> WeightsInfo:
    try:
        described = json.loads(header["framelane"])
        if described["format"] != FORMAT:
            raise ValueError(f"format {described['format']!r}, this version reads {FORMAT!r}")
        form = described.get("form", "training")
        if form not in FORMS:
            raise ValueError(f"form {form!r}, this version knows {' and '.join(FORMS)}")
        height, width = described["size"]
        return WeightsInfo(
            variant=str(described["variant"]),
            class_names=tuple(described["class_names"]),
            width=float(described["width"]),
            size=(int(height), int(width)),
            notes=described["notes"],
            form=form,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"'{path}' has tensors, but not the header of our weights files ({error}): "
            "give a file that `python -m trainer` wrote"
        ) from error


def _network(path: Path, info: WeightsInfo, arrays: Mapping[str, Array]) -> NetworkWeights:
    description = read_description(info.variant)
    if info.form == "deployed":
        description = description.deployed()
    try:
        return NetworkWeights(description, len(info.class_names), info.width, arrays)
    except WrongWeights as error:
        raise ModelError(
            f"the tensors in '{path}' are not those of {info.variant} at width {info.width} "
            f"with {len(info.class_names)} classes: {error}"
        ) from error
