"""Names and shapes of a network's parameters and buffers, as in official checkpoints. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from detector.errors import ModelError
from detector.yolov7.description import ACTIVATIONS, Description, Row, scale_channels

Shape = tuple[int, ...]
Named = tuple[str, Shape]


def state_shapes(description: Description, classes: int, width: float) -> dict[str, Shape]:
    """Return the state dict of a network, with shapes instead of tensors.

    width: factor on the channels of every layer, rounded up to a multiple of 8
    Raises ModelError as `row_channels` does.
    """
    channels = row_channels(description, width)
    shapes: dict[str, Shape] = {}
    for number, row in enumerate(description.rows[:-1]):
        layer = _layer(row, channels[row.inputs[0]], channels[number])
        shapes.update((f"model.{number}.{name}", shape) for name, shape in layer)
    number = len(description.rows) - 1
    head = _head(description, classes, [channels[row] for row in description.rows[-1].inputs])
    return shapes | {f"model.{number}.{name}": shape for name, shape in head}


def row_channels(description: Description, width: float) -> dict[int, int]:
    """Return the number of channels that each row returns, -1 being the image; not of the head.

    Raises ModelError for operations, arguments or an activation that no network has.
    """
    if description.activation not in ACTIVATIONS:
        raise ModelError(
            f"{description.name}: no such activation: '{description.activation}'; "
            f"accepted: {', '.join(ACTIVATIONS)}"
        )
    channels = {-1: 3}
    for number, row in enumerate(description.rows[:-1]):
        inputs = [channels[source] for source in row.inputs]
        channels[number] = _channels_out(number, row, inputs, width)
    return channels


def _channels_out(number: int, row: Row, inputs: list[int], width: float) -> int:
    first = inputs[0]
    match row.operation, row.arguments:
        case ("Conv", (c, _, _)) | ("RepConv", (c, 3, 1)) | ("SPPCSPC" | "DownC", (c,)):
            return scale_channels(c, width)
        case "ReOrg", ():
            return 4 * first
        case "Concat", ():
            return sum(inputs)
        case "Shortcut", () if inputs == [first, first]:
            return first
        case ("MP", ()) | ("SP" | "Upsample", (_,)):
            return first
        case _:
            given = f"{row.operation} {list(row.arguments)} on {inputs} channels"
            raise ModelError(f"row {number}: no such operation: {given}")


def _layer(row: Row, c_in: int, c: int) -> Iterator[Named]:
    match row.operation:
        case "Conv":
            yield from _conv("", c_in, c, row.arguments[1])
        case "RepConv":
            for branch, kernel in (("rbr_dense", 3), ("rbr_1x1", 1)):
                yield f"{branch}.0.weight", (c, c_in, kernel, kernel)
                yield from _batch_norm(f"{branch}.1.", c)
        case "SPPCSPC":
            inside = [(c_in, 1), (c_in, 1), (c, 3), (c, 1), (4 * c, 1), (c, 3), (2 * c, 1)]
            for i, (channels, kernel) in enumerate(inside, start=1):
                yield from _conv(f"cv{i}.", channels, c, kernel)
        case "DownC":
            yield from _conv("cv1.", c_in, c_in, 1)
            yield from _conv("cv2.", c_in, c // 2, 3)
            yield from _conv("cv3.", c_in, c // 2, 1)


def _conv(prefix: str, c_in: int, c_out: int, kernel: int) -> Iterator[Named]:
    yield f"{prefix}conv.weight", (c_out, c_in, kernel, kernel)
    yield from _batch_norm(f"{prefix}bn.", c_out)


def _batch_norm(prefix: str, channels: int) -> Iterator[Named]:
    for name in ("weight", "bias", "running_mean", "running_var"):
        yield f"{prefix}{name}", (channels,)
    yield f"{prefix}num_batches_tracked", ()


def _head(description: Description, classes: int, channels: Sequence[int]) -> Iterator[Named]:
    """Yield the tensors of the head; channels: of its inputs, the lead ones first."""
    lead, per_cell = len(description.strides), len(description.anchors[0])
    outputs, kind = per_cell * (5 + classes), description.rows[-1].operation
    yield "anchors", (lead, per_cell, 2)
    yield "anchor_grid", (lead, 1, per_cell, 1, 1, 2)
    for i, c_in in enumerate(channels):
        conv = f"m.{i}" if i < lead else f"m2.{i - lead}"
        yield f"{conv}.weight", (outputs, c_in, 1, 1)
        yield f"{conv}.bias", (outputs,)
    for i, c_in in enumerate(channels[:lead] if kind != "Detect" else ()):
        yield f"ia.{i}.implicit", (1, c_in, 1, 1)
        yield f"im.{i}.implicit", (1, outputs, 1, 1)
