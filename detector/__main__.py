"""python -m detector: what models there are, models of networks, engines of models."""

from __future__ import annotations

from detector.cli import Late, LateGroup

LATE = {
    "list": Late(
        "detector.commands.list:list_", "Print the models, the official weights and the networks."
    ),
    "get": Late("detector.commands.get:get", "Download a released model, or its weights."),
    "export": Late("detector.commands.export:export", "Write weights as an ONNX model."),
    "build": Late("detector.commands.build:build", "Make a model's engine for this machine."),
    "quantize": Late("detector.commands.quantize:quantize", "Make the INT8 files of a model."),
}
DOCTOR = Late(
    "detector.commands.doctor:doctor",
    "Show the hardware and runtimes of this machine, and what is missing.",
)

main = LateGroup(
    name="detector",
    late=LATE | {"doctor": DOCTOR},
    help="Detection models: list, get, export, build and quantize them.",
)

if __name__ == "__main__":
    main(prog_name="python -m detector")
