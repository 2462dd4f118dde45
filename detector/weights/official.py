"""Official YOLOv7 checkpoints: the weights in their pickled modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from detector.errors import ModelError
from detector.weights.checkpoint import WeightsInfo
from detector.weights.torch_file import read_torch_file
from detector.weights.unpickler import Record, Unreadable
from detector.yolov7.description import Description, network_names, read_description
from detector.yolov7.state_shapes import state_shapes
from detector.yolov7.weights import Array, NetworkWeights, WrongWeights

ACTIVATIONS = {
    "torch.nn.modules.activation.SiLU": "silu",
    "torch.nn.modules.activation.LeakyReLU": "leaky_relu",
}
MAX_PREFIX = 200  # characters before the name of a tensor; YOLOv7 has at most 41


def read_official(path: Path) -> tuple[NetworkWeights, WeightsInfo]:
    """Return the content of a checkpoint `.pt` of the original YOLOv7, without running any of it.

    From an unfinished training it takes the averaged weights (`ema`), like the original. Raises
    ModelError if the file is missing or damaged, if it names anything that a checkpoint does not
    need, or if its network is not in configs/networks.
    """
    if not path.is_file():
        raise ModelError(f"no weights file '{path}': give the path of a .pt file")
    try:
        return _interpreted(read_torch_file(path), path.stat().st_size)
    except Unreadable as error:
        raise ModelError(f"'{path}' is not an official checkpoint: {error}") from error


def _interpreted(content: Any, size_bytes: int) -> tuple[NetworkWeights, WeightsInfo]:
    model = _model_in(content)
    arrays, kinds = {}, set()
    for prefix, module in _modules_of(model):
        kinds.add(module.kind)
        arrays.update(_own_tensors(prefix, module))
    if sum(array.nbytes for array in arrays.values()) > size_bytes:
        raise Unreadable("its tensors claim more bytes than the file has")
    names = _class_names(model)
    description = _recognised(arrays, kinds, len(names))
    network = _network(description, arrays, len(names), _width(model))
    # The sizes of the official training (YOLOv7, 5.1)
    side = 640 if max(description.strides) < 64 else 1280
    info = WeightsInfo(description.name, names, network.width, (side, side), form=description.form)
    return network, info


def _model_in(content: Any) -> Record:
    """Return the pickled module of the network."""
    if isinstance(content, np.ndarray):
        raise Unreadable("it is a single tensor; give the checkpoint of a training")
    if isinstance(content, Record):
        raise Unreadable(
            f"it is a whole module, {content.kind}, and not the checkpoint of a training around it"
        )
    if not isinstance(content, dict):
        raise Unreadable("it does not hold a training checkpoint")
    model = content.get("model") if content.get("ema") is None else content["ema"]
    if any(_is_state_dict(each) for each in (content, model, content.get("state_dict"))):
        raise Unreadable(
            "it is a plain state_dict: tensors without the network they belong to; give the "
            "checkpoint that the training wrote"
        )
    if not isinstance(model, Record) or model.kind != "models.yolo.Model":
        raise Unreadable("it has no `model` of YOLOv7")
    return model


def _is_state_dict(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(value, np.ndarray) for value in content.values())
    )


def _modules_of(model: Record) -> Iterator[tuple[str, Record]]:
    """Yield all modules inside a module, each with the prefix of its tensors' names."""
    waiting, seen = [("", model)], set()
    while waiting:
        prefix, module = waiting.pop()
        if len(prefix) > MAX_PREFIX:
            raise Unreadable("its modules are nested too deeply")
        inside = _part(module, "_modules")
        if id(module) in seen and inside:
            raise Unreadable(f"its module {prefix!r} occurs twice")
        seen.add(id(module))
        yield prefix, module
        for name, child in inside.items():
            if isinstance(child, Record):
                waiting.append((f"{prefix}{name}.", child))


def _own_tensors(prefix: str, module: Record) -> dict[str, Array]:
    tensors = {**_part(module, "_parameters"), **_part(module, "_buffers")}
    return {f"{prefix}{name}": t for name, t in tensors.items() if isinstance(t, np.ndarray)}


def _part(module: Record, name: str) -> dict[str, Any]:
    state = module.state
    part = state.get(name) if isinstance(state, dict) else None
    if not isinstance(part, dict):
        raise Unreadable(f"an object of {module.kind} has no {name}: it is not a module")
    return part


def _class_names(model: Record) -> tuple[str, ...]:
    names = model.state.get("names")
    if not isinstance(names, list) or not names or not all(map(_is_text, names)):
        raise Unreadable("it does not name its classes")
    return tuple(names)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _recognised(arrays: Mapping[str, Array], kinds: set[str], classes: int) -> Description:
    """Return the network that has these layers."""
    activations = {ACTIVATIONS[kind] for kind in kinds if kind in ACTIVATIONS}
    for description in _known_networks():
        head = f"model.{len(description.rows) - 1}.anchor_grid"
        if {description.activation} != activations or head not in arrays:
            continue  # a quick check: most networks differ in their number of rows
        if arrays.keys() == state_shapes(description, classes, 1.0).keys():
            return description
    raise Unreadable(f"its network is not one of {', '.join(network_names())}")


def _known_networks() -> Iterator[Description]:
    for name in network_names():
        description = read_description(name)
        yield description
        yield description.deployed()


def _width(model: Record) -> float:
    """Return the factor on the channels that the checkpoint names."""
    described = model.state.get("yaml")
    width = described.get("width_multiple") if isinstance(described, dict) else None
    if not isinstance(width, (int, float)) or not 0 < width <= 8:
        raise Unreadable("it does not name its width_multiple")
    return float(width)


def _network(
    description: Description, arrays: Mapping[str, Array], classes: int, width: float
) -> NetworkWeights:
    try:
        return NetworkWeights(description, classes, width, arrays)
    except WrongWeights as error:
        raise Unreadable(
            f"its tensors are not those of {description.name} at width {width} with {classes} "
            f"classes: {error}"
        ) from error
