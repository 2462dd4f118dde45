"""A foreign ONNX graph: its inputs, the shapes of its outputs, its metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx import ModelProto, TensorProto, ValueInfoProto

from detector.errors import ModelError
from detector.export.adapters.class_names import names_in
from detector.export.adapters.onnx_source import metadata_of, read_onnx
from detector.export.adapters.plugin import Plugin
from detector.export.adapters.refusal import NotAccepted, not_accepted
from detector.hardware.openvino_core import CORE

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)
Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """An input or output of a graph.

    kind: its element type, as `TensorProto` numbers them; shape: None for open dimensions
    """

    name: str
    kind: int
    shape: Shape

    @classmethod
    def of(cls, info: ValueInfoProto) -> Value:
        """Return the value that a graph declares."""
        tensor = info.type.tensor_type
        shape = tuple(dim.dim_value or None for dim in tensor.shape.dim)
        return cls(info.name, tensor.elem_type, shape)

    @property
    def is_float(self) -> bool:
        """Whether it holds float32 or float16."""
        return self.kind in FLOATS

    @property
    def kind_name(self) -> str:
        """Element type, as ONNX writes it: `float`, `float16`, `int64`."""
        return str(TensorProto.DataType.Name(self.kind)).lower()

    def __str__(self) -> str:
        return f"{self.name} {self.kind_name} ({', '.join(str(dim or '?') for dim in self.shape)})"


@dataclass(frozen=True, slots=True)
class ForeignGraph:
    """A graph that takes images.

    images: its input; is_nchw: channels come before height and width
    batch: fixed batch size, None if it is dynamic
    size: (height, width) of the images, in pixels
    sizes: second input of some DETR exports: (n, 2), width and height that boxes are scaled to
    outputs: with their shapes for one image, or for the fixed batch
    names: of the classes: as given, or as in the file; None if neither names them
    plugin: TensorRT's NMS, if it was cut off: the outputs are what it read
    """

    path: Path
    model: ModelProto
    images: Value
    is_nchw: bool
    batch: int | None
    size: tuple[int, int]
    sizes: Value | None
    outputs: tuple[Value, ...]
    metadata: Mapping[str, Any]
    names: tuple[str, ...] | None
    plugin: Plugin | None

    @property
    def is_half(self) -> bool:
        """Whether it computes in float16, at least in part."""
        kinds = (self.images.kind, *(tensor.data_type for tensor in self.model.graph.initializer))
        return TensorProto.FLOAT16 in kinds

    def refused(self, what: str) -> NotAccepted:
        """Return the error that says that this graph is `what`."""
        inputs = [self.images, self.sizes] if self.sizes else [self.images]
        return not_accepted(self.path, what, inputs, self.outputs)


def read_foreign(
    path: Path, size: tuple[int, int] | None = None, names: Sequence[str] | None = None
) -> ForeignGraph:
    """Return the graph of an ONNX file.

    size: (height, width) of the images, for a graph that leaves it open; None: as its metadata say
    names: of the classes; None: as its metadata say
    Raises ModelError for a file that is no ONNX, and for a graph that does not take images.
    """
    model, plugin = read_onnx(path)
    metadata = metadata_of(model)
    images, sizes = _inputs(model, path)
    is_nchw = images.shape[1] in (3, None)
    asked = size or _size_in(metadata)
    height, width = _sides(images.shape[2:] if is_nchw else images.shape[1:3], asked, size, path)
    batch = images.shape[0]
    shape = (batch or 1, 3, height, width) if is_nchw else (batch or 1, height, width, 3)
    shapes = {images.name: shape} | ({sizes.name: (batch or 1, 2)} if sizes else {})
    return ForeignGraph(
        path=path,
        model=model,
        images=images,
        is_nchw=is_nchw,
        batch=batch,
        size=(height, width),
        sizes=sizes,
        outputs=_outputs(model, shapes, path),
        metadata=metadata,
        names=tuple(names) if names else names_in(metadata),
        plugin=plugin,
    )


def _inputs(model: ModelProto, path: Path) -> tuple[Value, Value | None]:
    """Return the input of images, and that of sizes if there is one."""
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [Value.of(each) for each in model.graph.input if each.name not in constants]
    images = [each for each in inputs if _is_images(each)]
    others = [each for each in inputs if each not in images]
    if len(images) == 1 and all(each.shape[1:] == (2,) for each in others) and len(others) < 2:
        return images[0], others[0] if others else None
    what = "a network with another input" if len(inputs) == 1 else "a network with other inputs"
    raise not_accepted(path, what, inputs, [Value.of(each) for each in model.graph.output])


def _is_images(value: Value) -> bool:
    channels = (value.shape[1], value.shape[3]) if len(value.shape) == 4 else ()
    return value.is_float and (3 in channels or channels == (None, None))


def _size_in(metadata: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the (height, width) in the metadata, which some exporters write for open sizes."""
    match metadata.get("imgsz"):
        case [int(height), int(width)] if height > 0 < width:
            return height, width
    return None


def _sides(
    open_sides: Shape, asked: tuple[int, int] | None, given: tuple[int, int] | None, path: Path
) -> tuple[int, int]:
    """Return the height and width: those of the graph, or those asked for where it is open."""
    height, width = open_sides
    if height and width:
        asked = given or (height, width)
    if asked is None:
        raise ModelError(f"'{path}' leaves the size of its images open: give it with --imgsz")
    if (height or asked[0], width or asked[1]) != asked:
        raise ModelError(
            f"'{path}' is made for {height or 'any'} x {width or 'any'} (height x width), not "
            f"{asked[0]} x {asked[1]}: leave --imgsz out"
        )
    return asked


def _outputs(
    model: ModelProto, shapes: Mapping[str, tuple[int, ...]], path: Path
) -> tuple[Value, ...]:
    """Return the outputs for inputs of these shapes, as OpenVINO infers them."""
    try:
        read = CORE.read_model(model=model.SerializeToString())
        read.reshape({name: list(shape) for name, shape in shapes.items()})
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"OpenVINO cannot read '{path}': {reason}") from error
    outputs = []
    for declared, inferred in zip(model.graph.output, read.outputs, strict=True):
        dims = inferred.partial_shape
        shape = (
            tuple(dim.get_length() if dim.is_static else None for dim in dims)
            if dims.rank.is_static
            else ()
        )
        outputs.append(Value(declared.name, declared.type.tensor_type.elem_type, shape))
    return tuple(outputs)
