"""The description of a network: the rows of a YAML file, as data. Imports no torch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detector.atomic_write import replacing
from detector.errors import ModelError, did_you_mean
from detector.resources import configs
from detector.settings import explain, read_yaml

NETWORKS = configs("networks")
HEADS = ("Detect", "IDetect", "IAuxDetect")
ACTIVATIONS = ("leaky_relu", "silu")
WITH_CHANNELS = (
    "Conv",
    "RepConv",
    "SPPCSPC",
    "DownC",
)  # their first argument is the number of channels

Form = Literal["training", "deployed"]
FORMS: tuple[Form, ...] = get_args(Form)


class Row(NamedTuple):
    """One layer; inputs: numbers of earlier rows, -1 for the image."""

    inputs: tuple[int, ...]
    operation: str
    arguments: tuple[int, ...] = ()


class Published(BaseModel):
    """The cost of a network with 80 classes, as published in the paper."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameters: float = Field(description="millions")
    gflops: float = Field(description="for one image of size x size pixels")
    size: int
    form: Form = Field(default="deployed", description="of the network whose cost was counted")


class Description(BaseModel):
    """A network before it is built.

    The `training` form has implicit knowledge and auxiliary heads; the `deployed` form has neither.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    activation: str
    strides: tuple[int, ...] = Field(description="pixels per cell of each head's grid")
    anchors: tuple[tuple[tuple[float, float], ...], ...] = Field(
        description="per stride: width and height in pixels"
    )
    rows: tuple[Row, ...] = Field(description="the layers as they run; the last is the head")
    published: Published | None = None
    form: Form = "training"

    def lead_inputs(self) -> tuple[int, ...]:
        """Return the rows that the lead heads read; the other inputs are for auxiliary heads."""
        return self.rows[-1].inputs[: len(self.strides)]

    def lead_rows(self) -> list[int]:
        """Return the numbers of the rows that the lead heads need: those that inference runs."""
        needed = {len(self.rows) - 1}
        waiting = list(self.lead_inputs())
        while waiting:
            row = waiting.pop()
            if row >= 0 and row not in needed:
                needed.add(row)
                waiting += self.rows[row].inputs
        return sorted(needed)

    def deployed(self) -> Description:
        """Return the form for inference: a plain head, without rows that only training needs."""
        numbers = self.lead_rows()
        rows = [self.rows[old] for old in numbers[:-1]]
        rows.append(Row(self.lead_inputs(), "Detect"))
        number = {-1: -1} | {old: new for new, old in enumerate(numbers)}
        return self.model_copy(update={"rows": renumbered(rows, number), "form": "deployed"})

    def write(self, path: Path) -> None:
        """Write the YAML file that `read_description` reads, completely or not at all."""
        values = self.model_dump(include={"activation", "strides", "anchors"})
        lines = [f"{key}: {json.dumps(value)}" for key, value in values.items()]
        lines += ["rows:", *(f"  - {json.dumps(row)}" for row in self.rows)]
        with replacing(path) as written:
            written.write_text("\n".join(lines) + "\n")


def scale_channels(channels: int, factor: float) -> int:
    """Return channels x factor, rounded up to a multiple of 8."""
    return math.ceil(channels * factor / 8) * 8


def renumbered(rows: Iterable[Row], number: Mapping[int, int]) -> tuple[Row, ...]:
    """Return the rows with the numbers of their inputs replaced."""
    return tuple(row._replace(inputs=tuple(number[s] for s in row.inputs)) for row in rows)


def network_names() -> list[str]:
    """Return the names of the networks in configs/networks."""
    return sorted(path.stem for path in NETWORKS.glob("*.yaml"))


def read_description(name: str | Path) -> Description:
    """Return the description in a file: one of configs/networks, by name, or any, by path.

    In the file an input may be relative to the row: -1 is the row before it. Raises ModelError for
    an unknown name, UsageError for a file that does not describe a network.
    """
    path = name if isinstance(name, Path) else NETWORKS / f"{name}.yaml"
    if not path.is_file():
        raise ModelError(f"unknown network '{name}'{did_you_mean(str(name), network_names())}")
    content = {**read_yaml(path), "name": path.stem}
    try:
        description = Description.model_validate(content)
    except ValidationError as error:
        where = f"{path}: "
        raise ModelError(
            explain(error, Description, lambda keys: where + ".".join(keys))
        ) from error
    rows = tuple(_absolute(number, row) for number, row in enumerate(description.rows))
    description = description.model_copy(update={"rows": rows})
    _check(description, path)
    return description


def _absolute(number: int, row: Row) -> Row:
    return row._replace(inputs=tuple(number + s if s < 0 else s for s in row.inputs))


def _check(description: Description, path: Path) -> None:
    """Raise ModelError for rows that do not form a network."""
    for number, row in enumerate(description.rows):
        wrong = [source for source in row.inputs if not -1 <= source < number]
        if wrong or not row.inputs:
            raise ModelError(
                f"{path}: row {number} ({row.operation}) reads {list(row.inputs)}: "
                f"give numbers of earlier rows, 0 to {number - 1}, or relative ones, -1 and below"
            )
    operations = [row.operation for row in description.rows]
    if [name for name in operations if name in HEADS] != operations[-1:]:
        raise ModelError(f"{path}: the last row, and no other, must be one of {', '.join(HEADS)}")
    layers, head = len(description.strides), description.rows[-1]
    expected = 2 * layers if head.operation == "IAuxDetect" else layers
    if len(head.inputs) != expected or len(description.anchors) != layers:
        raise ModelError(
            f"{path}: {layers} strides, {len(description.anchors)} rows of anchors and "
            f"{len(head.inputs)} inputs of {head.operation} do not fit: "
            f"{layers} strides take {layers} and {expected}"
        )
